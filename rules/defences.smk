rule defended_audio:
    input:
        audio=files(
            "defended",
            "defended",
            lambda defended, shard: defended.audio_stage.audio(shard),
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
