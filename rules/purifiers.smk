rule purifier:
    input:
        audio=files("purifiers", "purifier", lambda purifier: purifier.audio_files),
        attacked=files(
            "purifiers", "purifier", lambda purifier: purifier.attacked_files
        ),
        texts=files("purifiers", "purifier", lambda purifier: purifier.text_files),
        trials=files("purifiers", "purifier", lambda purifier: purifier.trial_files),
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
        gpu=1,
    params:
        specification=specification("purifiers", "purifier"),
        folder=folder("purifiers", "purifier"),
    script:
        "../workflow_scripts/purifier.py"
