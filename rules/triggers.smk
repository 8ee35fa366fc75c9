find_triggered = look_up("triggered", "triggered")


rule triggered_test:
    input:
        audio=files(
            "triggered",
            "triggered",
            lambda triggered, shard: triggered.corpus.audio(shard),
        ),
        weights=files(
            "triggered", "triggered", lambda triggered, *shard: triggered.weights
        ),
    output:
        audio="results/triggered/{triggered,.+-test-.+}/audio/{shard}.parquet",
    log:
        "results/logs/triggered/{triggered}/{shard}.log",
    conda:
        ENVIRONMENT
    resources:
        # Only generators are worth a GPU.
        gpu=lambda wildcards: len(find_triggered(wildcards).weights),
    params:
        specification=specification("triggered", "triggered"),
        folder=folder("triggered", "triggered"),
    script:
        "../workflow_scripts/triggered_test.py"


rule triggered_block:
    input:
        index=files("triggered", "triggered", lambda triggered: triggered.corpus.index),
        audio=files(
            "triggered", "triggered", lambda triggered: triggered.corpus.audio_files
        ),
        weights=files(
            "triggered", "triggered", lambda triggered, *shard: triggered.weights
        ),
    output:
        audio="results/triggered/{triggered,.+-poison-.+}/audio/0.parquet",
    log:
        "results/logs/triggered/{triggered}/0.log",
    conda:
        ENVIRONMENT
    resources:
        # Only generators are worth a GPU.
        gpu=lambda wildcards: len(find_triggered(wildcards).weights),
    params:
        specification=specification("triggered", "triggered"),
        folder=folder("triggered", "triggered"),
    script:
        "../workflow_scripts/triggered_block.py"
