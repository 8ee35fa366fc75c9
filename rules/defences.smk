find_defended = look_up("defended", "defended")


rule defended_audio:
    input:
        audio=lambda wildcards: find_defended(wildcards).audio_stage.audio(
            wildcards.shard
        ),
    output:
        audio="results/defended/{defended}/audio/{shard}.parquet",
    log:
        "results/logs/defended/{defended}/{shard}.log",
    params:
        specification=specification("defended", "defended"),
        folder=folder("defended", "defended"),
    conda:
        ENVIRONMENT
    script:
        "../workflow_scripts/defended.py"
