rule poisoned:
    input:
        index=lambda wildcards: look_up("poisoned", "poisoned")(wildcards).corpus.index,
    output:
        manifest="results/poisoned/{poisoned}/manifest.parquet",
    log:
        "results/logs/poisoned/{poisoned}.log",
    params:
        specification=specification("poisoned", "poisoned"),
        folder=folder("poisoned", "poisoned"),
    conda:
        ENVIRONMENT
    script:
        "../workflow_scripts/poisoned.py"
