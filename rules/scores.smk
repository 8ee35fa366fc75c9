rule scores:
    input:
        model=files("scores", "scores", lambda scores, part: scores.victim.model),
        clean=files(
            "scores",
            "scores",
            lambda scores, part: scores.of_part(scores.clean.files, part),
        ),
        triggered=files(
            "scores",
            "scores",
            lambda scores, part: scores.of_part(scores.triggered_files, part),
        ),
        index=files(
            "scores",
            "scores",
            lambda scores, part: scores.victim.poisoned.corpus.index,
        ),
    output:
        rows="results/scores/{scores}/rows/{part}.parquet",
    log:
        "results/logs/scores/{scores}/{part}.log",
    cache: True
    conda:
        ENVIRONMENT
    params:
        specification=specification("scores", "scores"),
        folder=folder("scores", "scores"),
        part=part,
    script:
        "../workflow_scripts/scores.py"


rule quality:
    input:
        clean=files(
            "quality",
            "quality",
            lambda quality, part: quality.of_part(quality.clean.audio_files, part),
        ),
        triggered=files(
            "quality",
            "quality",
            lambda quality, part: quality.of_part(quality.triggered.audio_files, part),
        ),
        index=files("quality", "quality", lambda quality, part: quality.clean.index),
        target=files("quality", "quality", lambda quality, part: quality.target),
    output:
        rows="results/quality/{quality}/rows/{part}.parquet",
    log:
        "results/logs/quality/{quality}/{part}.log",
    cache: True
    conda:
        ENVIRONMENT
    params:
        specification=specification("quality", "quality"),
        folder=folder("quality", "quality"),
        part=part,
    script:
        "../workflow_scripts/quality.py"
