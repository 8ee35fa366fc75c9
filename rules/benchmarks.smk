find_marked = look_up("marked")
find_readings = look_up("readings")


rule marked:
    input:
        unpack(
            files(
                "marked",
                audio=lambda marked, shard: marked.audio_stage.audio(shard),
                index=lambda marked, shard: marked.corpus.index,
                weights=lambda marked, shard: marked.watermark.weights,
            )
        ),
    output:
        audio="results/marked/{marked}/audio/{shard}.parquet",
    log:
        "results/logs/marked/{marked}/{shard}.log",
    cache: True
    group:
        small("marked")
    conda:
        ENVIRONMENT
    resources:
        gpu=gpus("marked"),
    params:
        specification=specification("marked"),
        mark=lambda wildcards: find_marked(wildcards).marks,
        shard="{shard}",
    script:
        "../workflow_scripts/marked.py"


rule readings:
    input:
        unpack(
            files(
                "readings",
                audio=lambda readings, part: readings.of_part(
                    readings.audio_stage.audio_files, part
                ),
                index=lambda readings, part: readings.corpus.index,
                weights=lambda readings, part: readings.watermark.weights,
            )
        ),
    output:
        rows="results/readings/{readings}/rows/{part}.parquet",
    log:
        "results/logs/readings/{readings}/{part}.log",
    cache: True
    group:
        small("readings")
    conda:
        ENVIRONMENT
    resources:
        gpu=gpus("readings"),
    params:
        specification=specification("readings"),
        seed=lambda wildcards: find_readings(wildcards).messages["seed"],
        marks=lambda wildcards: find_readings(wildcards).messages["marks"],
        part="{part}",
    script:
        "../workflow_scripts/readings.py"


# In no cache between workflows: it is this machine's times that are measured.
rule efficiency:
    input:
        unpack(
            files(
                "efficiency",
                audio=lambda efficiency: efficiency.corpus.audio_files,
                weights=lambda efficiency: efficiency.watermark.weights,
            )
        ),
    output:
        row="results/efficiency/{efficiency}/row.json",
    log:
        "results/logs/efficiency/{efficiency}.log",
    conda:
        ENVIRONMENT
    resources:
        gpu=gpus("efficiency"),
    params:
        specification=specification("efficiency"),
    script:
        "../workflow_scripts/efficiency.py"
