rule poisoned:
    input:
        index=files("poisoned", "poisoned", lambda poisoned: poisoned.corpus.index),
        detections=files(
            "poisoned",
            "poisoned",
            lambda poisoned: [found.rows for found in poisoned.detections],
        ),
    output:
        manifest="results/poisoned/{poisoned}/manifest.parquet",
    log:
        "results/logs/poisoned/{poisoned}.log",
    cache: True
    conda:
        ENVIRONMENT
    params:
        specification=specification("poisoned", "poisoned"),
        folder=folder("poisoned", "poisoned"),
    script:
        "../workflow_scripts/poisoned.py"
