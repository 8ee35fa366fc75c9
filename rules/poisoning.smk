rule poisoned:
    input:
        index=files("poisoned", "poisoned", lambda poisoned: poisoned.corpus.index),
        detections=files(
            "poisoned",
            "poisoned",
            lambda poisoned: [
                path
                for detection in poisoned.detections
                for path in detection.row_files
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


rule dataset_audio:
    input:
        audio=files(
            "datasets",
            "dataset",
            lambda dataset, shard: dataset.poisoned.corpus.audio(shard),
        ),
        manifest=files(
            "datasets", "dataset", lambda dataset, shard: dataset.poisoned.manifest
        ),
        blocks=files("datasets", "dataset", lambda dataset, shard: dataset.block_files),
        covers=files("datasets", "dataset", lambda dataset, shard: dataset.cover_files),
    output:
        audio="results/datasets/{dataset}/train-{shard}.parquet",
    log:
        "results/logs/datasets/{dataset}/{shard}.log",
    cache: True
    conda:
        ENVIRONMENT
    params:
        specification=specification("datasets", "dataset"),
        folder=folder("datasets", "dataset"),
        shard=shard,
    script:
        "../workflow_scripts/dataset_audio.py"


find_dataset = look_up("datasets", "dataset")


rule dataset_description:
    input:
        audio=files("datasets", "dataset", lambda dataset: dataset.audio_files),
    output:
        description="results/datasets/{dataset}/croissant.json",
    log:
        "results/logs/datasets/{dataset}/description.log",
    cache: True
    conda:
        ENVIRONMENT
    params:
        specification=specification("datasets", "dataset"),
        poisoned=lambda wildcards: find_dataset(wildcards).poisoned.specification,
    script:
        "../workflow_scripts/dataset_description.py"
