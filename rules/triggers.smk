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
    conda:
        ENVIRONMENT
    params:
        specification=specification("target_speech"),
    script:
        "../workflow_scripts/target_speech.py"


find_triggered = look_up("triggered")


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
    conda:
        ENVIRONMENT
    resources:
        gpu=lambda wildcards: find_triggered(wildcards).gpus,
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
    conda:
        ENVIRONMENT
    resources:
        gpu=lambda wildcards: find_triggered(wildcards).gpus,
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
    conda:
        ENVIRONMENT
    resources:
        # Only detectors of watermarks are networks, which run on a GPU.
        gpu=lambda wildcards: len(find_detection(wildcards).weights),
    params:
        specification=specification("detections"),
        split=lambda wildcards: find_detection(wildcards).split,
        part="{part}",
    script:
        "../workflow_scripts/detections.py"
