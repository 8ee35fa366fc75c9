rule watermark:
    output:
        weights="results/watermarks/{watermark}/weights.safetensors",
    log:
        "results/logs/watermarks/{watermark}.log",
    params:
        specification=specification("watermarks", "watermark"),
        folder=folder("watermarks", "watermark"),
    conda:
        ENVIRONMENT
    script:
        "../workflow_scripts/watermarks.py"
