find_attacked = look_up("attacked", "attacked")


rule trials:
    input:
        index=files("trials", "trials", lambda trials: trials.corpus.index),
    output:
        table="results/trials/{trials}/trials.parquet",
    log:
        "results/logs/trials/{trials}.log",
    cache: True
    conda:
        ENVIRONMENT
    params:
        specification=specification("trials", "trials"),
        folder=folder("trials", "trials"),
    script:
        "../workflow_scripts/trials.py"


rule attacked:
    input:
        trials=files(
            "attacked", "attacked", lambda attacked, shard: attacked.trials.table
        ),
        audio=files(
            "attacked",
            "attacked",
            lambda attacked, shard: attacked.trials.corpus.audio_files,
        ),
        model=files("attacked", "attacked", lambda attacked, shard: attacked.models),
        weights=files("attacked", "attacked", lambda attacked, shard: attacked.weights),
        texts=files("attacked", "attacked", lambda attacked, shard: attacked.text_files),
    output:
        audio="results/attacked/{attacked}/audio/{shard}.parquet",
        remarks="results/attacked/{attacked}/remarks/{shard}.parquet",
    log:
        "results/logs/attacked/{attacked}/{shard}.log",
    cache: True
    conda:
        ENVIRONMENT
    resources:
        # Only attacks on an encoder run on a GPU.
        gpu=lambda wildcards: int(find_attacked(wildcards).victim is not None),
    params:
        specification=specification("attacked", "attacked"),
        folder=folder("attacked", "attacked"),
        shard=shard,
        shards=lambda wildcards: find_attacked(wildcards).shards,
    script:
        "../workflow_scripts/attacked.py"


rule embeddings:
    input:
        audio=files(
            "embeddings",
            "embeddings",
            lambda embeddings, part: embeddings.of_part(
                embeddings.audio_stage.audio_files, part
            ),
        ),
        model=files(
            "embeddings", "embeddings", lambda embeddings, part: embeddings.models
        ),
    output:
        rows="results/embeddings/{embeddings}/rows/{part}.parquet",
    log:
        "results/logs/embeddings/{embeddings}/{part}.log",
    cache: True
    conda:
        ENVIRONMENT
    resources:
        gpu=1,
    params:
        specification=specification("embeddings", "embeddings"),
        folder=folder("embeddings", "embeddings"),
        part=part,
    script:
        "../workflow_scripts/embeddings.py"


rule trial_scores:
    input:
        trials=files("trial_scores", "trial_scores", lambda scores: scores.trials.table),
        probes=files(
            "trial_scores", "trial_scores", lambda scores: scores.probes.row_files
        ),
        others=files(
            "trial_scores", "trial_scores", lambda scores: scores.others.row_files
        ),
    output:
        rows="results/trial_scores/{trial_scores}/rows.parquet",
    log:
        "results/logs/trial_scores/{trial_scores}.log",
    cache: True
    conda:
        ENVIRONMENT
    params:
        specification=specification("trial_scores", "trial_scores"),
        folder=folder("trial_scores", "trial_scores"),
    script:
        "../workflow_scripts/trial_scores.py"


rule probe_quality:
    input:
        trials=files(
            "probe_quality",
            "probe_quality",
            lambda quality, part: quality.trials.table,
        ),
        clean=files(
            "probe_quality",
            "probe_quality",
            lambda quality, part: quality.trials.corpus.audio_files,
        ),
        audio=files(
            "probe_quality",
            "probe_quality",
            lambda quality, part: quality.of_part(
                quality.audio_stage.audio_files, part
            ),
        ),
    output:
        rows="results/probe_quality/{probe_quality}/rows/{part}.parquet",
    log:
        "results/logs/probe_quality/{probe_quality}/{part}.log",
    cache: True
    conda:
        ENVIRONMENT
    params:
        specification=specification("probe_quality", "probe_quality"),
        folder=folder("probe_quality", "probe_quality"),
        part=part,
    script:
        "../workflow_scripts/probe_quality.py"
