rule purifier:
    input:
        unpack(
            files(
                "purifiers",
                audio=lambda purifier: purifier.audio_files,
                attacked=lambda purifier: purifier.attacked_files,
                texts=lambda purifier: purifier.text_files,
                trials=lambda purifier: purifier.trial_files,
            )
        ),
    output:
        weights="results/purifiers/{purifier}/weights.safetensors",
        training=directory("results/purifiers/{purifier}/training"),
        environment="results/purifiers/{purifier}/environment.json",
    log:
        "results/logs/purifiers/{purifier}.log",
    cache: True
    conda:
        ENVIRONMENT
    resources:
        gpu=gpus("purifiers"),
    params:
        specification=specification("purifiers"),
    script:
        "../workflow_scripts/purifier.py"
