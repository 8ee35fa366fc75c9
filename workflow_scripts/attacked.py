"""Attack one shard of the probes of trials."""

from sanguinaria.workflow.warm_process import delegate

delegate(snakemake)

from pathlib import Path

from sanguinaria.core import devices, plugins
from sanguinaria.steps.verification.attacked import attack_audio
from sanguinaria.workflow.arguments import optional_path, optional_plugin, paths
from sanguinaria.workflow.job import job

with job(snakemake) as specification:
    attack_audio(
        plugins.build("adversaries", specification["adversary"]),
        victim=optional_plugin("victims", specification["victim"]),
        model=optional_path(snakemake.input.model),
        defence=optional_plugin("defences", specification["defence"]),
        weights=optional_path(snakemake.input.weights),
        texts=paths(snakemake.input.texts),
        trials=Path(snakemake.input.trials),
        audio=paths(snakemake.input.audio),
        shard=int(snakemake.params.shard),
        shards=snakemake.params.shards,
        seed=specification["seed"],
        destination=Path(snakemake.output.audio),
        remarks=Path(snakemake.output.remarks),
        device=devices.prepare(snakemake.threads, snakemake.resources.gpu),
    )
