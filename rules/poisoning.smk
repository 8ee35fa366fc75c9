rule poisoned:
    input:
        index=files("poisoned", "poisoned", lambda poisoned: poisoned.corpus.index),
        detections=files(
            "poisoned",
            "poisoned",
            lambda poisoned: [
                path for found in poisoned.detections for path in found.row_files
            ],
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
