find_attacked = look_up("attacked")


rule trials:
    input:
        unpack(files("trials", index=lambda trials: trials.corpus.index)),
    output:
        table="results/trials/{trials}/trials.parquet",
    log:
        "results/logs/trials/{trials}.log",
    cache: True
    group:
        small("trials")
    conda:
        ENVIRONMENT
    params:
        specification=specification("trials"),
    script:
        "../workflow_scripts/trials.py"


rule attacked:
    input:
        unpack(
            files(
                "attacked",
                trials=lambda attacked, shard: attacked.trials.table,
                audio=lambda attacked, shard: attacked.trials.corpus.audio_files,
                model=lambda attacked, shard: attacked.models,
                weights=lambda attacked, shard: attacked.weights,
                texts=lambda attacked, shard: attacked.text_files,
            )
        ),
    output:
        audio="results/attacked/{attacked}/audio/{shard}.parquet",
        remarks="results/attacked/{attacked}/remarks/{shard}.parquet",
    log:
        "results/logs/attacked/{attacked}/{shard}.log",
    cache: True
    conda:
        ENVIRONMENT
    resources:
        gpu=gpus("attacked"),
    params:
        specification=specification("attacked"),
        shard="{shard}",
        shards=lambda wildcards: find_attacked(wildcards).shards,
    script:
        "../workflow_scripts/attacked.py"


rule embeddings:
    input:
        unpack(
            files(
                "embeddings",
                audio=lambda embeddings, part: embeddings.of_part(
                    embeddings.audio_stage.audio_files, part
                ),
                model=lambda embeddings, part: embeddings.models,
            )
        ),
    output:
        rows="results/embeddings/{embeddings}/rows/{part}.parquet",
    log:
        "results/logs/embeddings/{embeddings}/{part}.log",
    cache: True
    group:
        small("embeddings")
    conda:
        ENVIRONMENT
    resources:
        gpu=gpus("embeddings"),
    params:
        specification=specification("embeddings"),
        part="{part}",
    script:
        "../workflow_scripts/embeddings.py"


rule trial_scores:
    input:
        unpack(
            files(
                "trial_scores",
                trials=lambda scores: scores.trials.table,
                probes=lambda scores: scores.probes.row_files,
                others=lambda scores: scores.others.row_files,
            )
        ),
    output:
        rows="results/trial_scores/{trial_scores}/rows.parquet",
    log:
        "results/logs/trial_scores/{trial_scores}.log",
    cache: True
    group:
        small("trial_scores")
    conda:
        ENVIRONMENT
    params:
        specification=specification("trial_scores"),
    script:
        "../workflow_scripts/trial_scores.py"


rule probe_quality:
    input:
        unpack(
            files(
                "probe_quality",
                trials=lambda quality, part: quality.trials.table,
                clean=lambda quality, part: quality.trials.corpus.audio_files,
                audio=lambda quality, part: quality.of_part(
                    quality.audio_stage.audio_files, part
                ),
            )
        ),
    output:
        rows="results/probe_quality/{probe_quality}/rows/{part}.parquet",
    log:
        "results/logs/probe_quality/{probe_quality}/{part}.log",
    cache: True
    group:
        small("probe_quality")
    conda:
        ENVIRONMENT
    params:
        specification=specification("probe_quality"),
        part="{part}",
    script:
        "../workflow_scripts/probe_quality.py"
