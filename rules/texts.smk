rule texts:
    input:
        unpack(
            files(
                "texts",
                audio=lambda texts, part: texts.of_part(
                    texts.audio_stage.audio_files, part
                ),
                index=lambda texts, part: texts.index,
            )
        ),
    output:
        rows="results/texts/{texts}/rows/{part}.parquet",
    log:
        "results/logs/texts/{texts}/{part}.log",
    cache: True
    group:
        small("texts")
    conda:
        ENVIRONMENT
    resources:
        gpu=gpus("texts"),
    params:
        specification=specification("texts"),
        part="{part}",
    script:
        "../workflow_scripts/texts.py"
