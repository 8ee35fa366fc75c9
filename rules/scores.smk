rule scores:
    input:
        unpack(
            files(
                "scores",
                model=lambda scores, part: scores.victim.model,
                clean=lambda scores, part: scores.of_part(scores.clean.files, part),
                triggered=lambda scores, part: scores.of_part(
                    scores.triggered_files, part
                ),
                index=lambda scores, part: scores.victim.poisoned.corpus.index,
            )
        ),
    output:
        rows="results/scores/{scores}/rows/{part}.parquet",
    log:
        "results/logs/scores/{scores}/{part}.log",
    cache: True
    group:
        small("scores")
    conda:
        ENVIRONMENT
    resources:
        gpu=gpus("scores"),
    params:
        specification=specification("scores"),
        part="{part}",
    script:
        "../workflow_scripts/scores.py"


rule quality:
    input:
        unpack(
            files(
                "quality",
                clean=lambda quality, part: quality.of_part(
                    quality.clean.audio_files, part
                ),
                triggered=lambda quality, part: quality.of_part(
                    quality.triggered.audio_files, part
                ),
                index=lambda quality, part: quality.clean.index,
                target=lambda quality, part: quality.target,
            )
        ),
    output:
        rows="results/quality/{quality}/rows/{part}.parquet",
    log:
        "results/logs/quality/{quality}/{part}.log",
    cache: True
    group:
        small("quality")
    conda:
        ENVIRONMENT
    params:
        specification=specification("quality"),
        part="{part}",
    script:
        "../workflow_scripts/quality.py"
