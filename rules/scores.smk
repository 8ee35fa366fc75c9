rule scores:
    input:
        model=files("scores", "scores", lambda scores: scores.victim.model),
        clean=files("scores", "scores", lambda scores: scores.clean.files),
        triggered=files("scores", "scores", lambda scores: scores.triggered_files),
        index=files(
            "scores", "scores", lambda scores: scores.victim.poisoned.corpus.index
        ),
    output:
        rows="results/scores/{scores}/rows.parquet",
    log:
        "results/logs/scores/{scores}.log",
    cache: True
    conda:
        ENVIRONMENT
    params:
        specification=specification("scores", "scores"),
        folder=folder("scores", "scores"),
    script:
        "../workflow_scripts/scores.py"


rule quality:
    input:
        clean=files(
            "quality", "quality", lambda quality: quality.triggered.corpus.audio_files
        ),
        triggered=files(
            "quality", "quality", lambda quality: quality.triggered.audio_files
        ),
    output:
        rows="results/quality/{quality}/rows.parquet",
    log:
        "results/logs/quality/{quality}.log",
    cache: True
    conda:
        ENVIRONMENT
    params:
        specification=specification("quality", "quality"),
        folder=folder("quality", "quality"),
    script:
        "../workflow_scripts/quality.py"
