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
    conda:
        ENVIRONMENT
    params:
        specification=specification("defended", "defended"),
        folder=folder("defended", "defended"),
    script:
        "../workflow_scripts/defended.py"
