find_triggered = look_up("triggered", "triggered")


def generator_weights(wildcards):
    watermark = find_triggered(wildcards).watermark
    return [] if watermark is None else [watermark.weights]


def trigger_gpus(wildcards):
    """Only generators are worth a GPU."""
    return len(generator_weights(wildcards))


rule triggered_test:
    input:
        audio=lambda wildcards: find_triggered(wildcards).corpus.audio(wildcards.shard),
        weights=generator_weights,
    output:
        audio="results/triggered/{triggered,.+-test-.+}/audio/{shard}.parquet",
    log:
        "results/logs/triggered/{triggered}/{shard}.log",
    conda:
        ENVIRONMENT
    resources:
        gpu=trigger_gpus,
    params:
        specification=specification("triggered", "triggered"),
        folder=folder("triggered", "triggered"),
    script:
        "../workflow_scripts/triggered_test.py"


rule triggered_block:
    input:
        index=lambda wildcards: find_triggered(wildcards).corpus.index,
        audio=lambda wildcards: audio_files(find_triggered(wildcards).corpus),
        weights=generator_weights,
    output:
        audio="results/triggered/{triggered,.+-poison-.+}/audio/0.parquet",
    log:
        "results/logs/triggered/{triggered}/0.log",
    conda:
        ENVIRONMENT
    resources:
        gpu=trigger_gpus,
    params:
        specification=specification("triggered", "triggered"),
        folder=folder("triggered", "triggered"),
    script:
        "../workflow_scripts/triggered_block.py"
