rule target_speech:
    input:
        unpack(
            files(
                "target_speech",
                index=lambda speech: speech.index_files,
                audio=lambda speech: speech.audio_files,
            )
        ),
    output:
        audio="results/target_speech/{target_speech}/speech.flac",
    log:
        "results/logs/target_speech/{target_speech}.log",
    cache: True
    group:
        small("target_speech")
    conda:
        ENVIRONMENT
    params:
        specification=specification("target_speech"),
    script:
        "../workflow_scripts/target_speech.py"


rule triggered_test:
    input:
        unpack(
            files(
                "triggered",
                audio=lambda triggered, shard: triggered.corpus.audio(shard),
                weights=lambda triggered, *shard: triggered.weights,
            )
        ),
    output:
        audio="results/triggered/{triggered,.+-test-.+}/audio/{shard}.parquet",
    log:
        "results/logs/triggered/{triggered}/{shard}.log",
    cache: True
    group:
        small("triggered")
    conda:
        ENVIRONMENT
    resources:
        gpu=gpus("triggered"),
    params:
        specification=specification("triggered"),
        shard="{shard}",
    script:
        "../workflow_scripts/triggered_test.py"


rule triggered_block:
    input:
        unpack(
            files(
                "triggered",
                index=lambda triggered: triggered.corpus.index,
                audio=lambda triggered: triggered.corpus.audio_files,
                weights=lambda triggered, *shard: triggered.weights,
            )
        ),
    output:
        audio="results/triggered/{triggered,.+-poison-.+}/audio/0.parquet",
    log:
        "results/logs/triggered/{triggered}/0.log",
    cache: True
    group:
        small("triggered")
    conda:
        ENVIRONMENT
    resources:
        gpu=gpus("triggered"),
    params:
        specification=specification("triggered"),
    script:
        "../workflow_scripts/triggered_block.py"


find_detection = look_up("detections")


rule detections:
    input:
        unpack(
            files(
                "detections",
                audio=lambda detections, part: detections.of_part(
                    detections.audio_stage.audio_files, part
                ),
                weights=lambda detections, part: detections.weights,
            )
        ),
    output:
        rows="results/detections/{detections}/rows/{part}.parquet",
    log:
        "results/logs/detections/{detections}/{part}.log",
    cache: True
    group:
        small("detections")
    conda:
        ENVIRONMENT
    resources:
        gpu=gpus("detections"),
    params:
        specification=specification("detections"),
        split=lambda wildcards: find_detection(wildcards).split,
        part="{part}",
    script:
        "../workflow_scripts/detections.py"
