"""Change the audio of one shard of trials."""

from pathlib import Path

from sanguinaria.core import devices, plugins
from sanguinaria.steps.attacks import Target, attack_audio
from sanguinaria.workflow.job import job

with job(snakemake) as specification:
    target = None
    if specification["victim"] is not None:
        model, defence = next(iter(snakemake.input.model), None), specification["defence"]
        target = Target(
            plugins.build("victims", specification["victim"]),
            None if model is None else Path(model),
            None if defence is None else plugins.build("defences", defence),
            next(map(Path, snakemake.input.weights), None),
            tuple(map(Path, snakemake.input.texts)),
        )
    attack_audio(
        plugins.build("adversaries", specification["adversary"]),
        target,
        Path(snakemake.input.trials),
        [Path(path) for path in snakemake.input.audio],
        (snakemake.params.shard, snakemake.params.shards),
        specification["seed"],
        Path(snakemake.output.audio),
        Path(snakemake.output.remarks),
        devices.prepare(snakemake.threads, snakemake.resources.gpu),
    )
