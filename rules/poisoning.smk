rule poisoned:
    input:
        unpack(
            files(
                "poisoned",
                index=lambda poisoned: poisoned.corpus.index,
                detections=lambda poisoned: [
                    path
                    for detection in poisoned.detections
                    for path in detection.row_files
                ],
            )
        ),
    output:
        manifest="results/poisoned/{poisoned}/manifest.parquet",
    log:
        "results/logs/poisoned/{poisoned}.log",
    cache: True
    group:
        small("poisoned")
    conda:
        ENVIRONMENT
    params:
        specification=specification("poisoned"),
    script:
        "../workflow_scripts/poisoned.py"


rule dataset_audio:
    input:
        unpack(
            files(
                "datasets",
                audio=lambda dataset, shard: dataset.poisoned.corpus.audio(shard),
                manifest=lambda dataset, shard: dataset.poisoned.manifest,
                blocks=lambda dataset, shard: dataset.block_files,
                covers=lambda dataset, shard: dataset.cover_files,
            )
        ),
    output:
        audio="results/datasets/{dataset}/train-{shard}.parquet",
    log:
        "results/logs/datasets/{dataset}/{shard}.log",
    cache: True
    group:
        small("datasets")
    conda:
        ENVIRONMENT
    params:
        specification=specification("datasets"),
        shard="{shard}",
    script:
        "../workflow_scripts/dataset_audio.py"


find_dataset = look_up("datasets")


rule dataset_description:
    input:
        unpack(files("datasets", audio=lambda dataset: dataset.audio_files)),
    output:
        description="results/datasets/{dataset}/croissant.json",
    log:
        "results/logs/datasets/{dataset}/description.log",
    cache: True
    group:
        small("datasets", step=1)
    conda:
        ENVIRONMENT
    params:
        specification=specification("datasets"),
        poisoned=lambda wildcards: find_dataset(wildcards).poisoned.specification,
    script:
        "../workflow_scripts/dataset_description.py"
