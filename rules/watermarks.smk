rule watermark:
    output:
        weights="results/watermarks/{watermark}/weights.safetensors",
    log:
        "results/logs/watermarks/{watermark}.log",
    conda:
        ENVIRONMENT
    params:
        specification=specification("watermarks", "watermark"),
        folder=folder("watermarks", "watermark"),
    script:
        "../workflow_scripts/watermarks.py"
