find_scores = look_up("scores", "scores")
find_quality = look_up("quality", "quality")


rule scores:
    input:
        model=lambda wildcards: find_scores(wildcards).victim.model,
        features=lambda wildcards: find_scores(wildcards).features.files,
        index=lambda wildcards: find_scores(wildcards).victim.poisoned.corpus.index,
    output:
        rows="results/scores/{scores}/rows.parquet",
    log:
        "results/logs/scores/{scores}.log",
    conda:
        ENVIRONMENT
    params:
        specification=specification("scores", "scores"),
        folder=folder("scores", "scores"),
    script:
        "../workflow_scripts/scores.py"


rule quality:
    input:
        clean=lambda wildcards: audio_files(find_quality(wildcards).triggered.corpus),
        triggered=lambda wildcards: audio_files(find_quality(wildcards).triggered),
    output:
        rows="results/quality/{quality}/rows.parquet",
    log:
        "results/logs/quality/{quality}.log",
    conda:
        ENVIRONMENT
    params:
        specification=specification("quality", "quality"),
        folder=folder("quality", "quality"),
    script:
        "../workflow_scripts/quality.py"
