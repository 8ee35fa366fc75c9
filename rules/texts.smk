find_text = look_up("texts")


rule texts:
    input:
        unpack(
            files(
                "texts",
                audio=lambda texts, part: texts.of_part(
                    texts.audio_stage.audio_files, part
                ),
            )
        ),
    output:
        rows="results/texts/{texts}/rows/{part}.parquet",
    log:
        "results/logs/texts/{texts}/{part}.log",
    cache: True
    conda:
        ENVIRONMENT
    resources:
        # Only recognisers are networks, which run on a GPU.
        gpu=lambda wildcards: int(find_text(wildcards).text.has_network),
    params:
        specification=specification("texts"),
        part="{part}",
    script:
        "../workflow_scripts/texts.py"
