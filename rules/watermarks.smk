rule watermark:
    input:
        unpack(
            files(
                "watermarks",
                audio=lambda watermark: watermark.audio_files,
                base=lambda watermark: watermark.base_files,
            )
        ),
    output:
        weights="results/watermarks/{watermark}/weights.safetensors",
        training=directory("results/watermarks/{watermark}/training"),
        environment="results/watermarks/{watermark}/environment.json",
    log:
        "results/logs/watermarks/{watermark}.log",
    cache: True
    conda:
        ENVIRONMENT
    resources:
        gpu=gpus("watermarks"),
    params:
        specification=specification("watermarks"),
    script:
        "../workflow_scripts/watermark.py"
