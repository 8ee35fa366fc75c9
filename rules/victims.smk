rule features:
    input:
        audio=files(
            "features",
            "features",
            lambda features, shard: features.audio_stage.audio(shard),
        ),
    output:
        features="results/features/{features}/{shard}.safetensors",
    log:
        "results/logs/features/{features}/{shard}.log",
    cache: True
    conda:
        ENVIRONMENT
    params:
        specification=specification("features", "features"),
        folder=folder("features", "features"),
        shard=shard,
    script:
        "../workflow_scripts/features.py"


rule victim:
    input:
        index=files("victims", "victim", lambda victim: victim.poisoned.corpus.index),
        manifest=files("victims", "victim", lambda victim: victim.poisoned.manifest),
        clean=files("victims", "victim", lambda victim: victim.clean_features.files),
        poison=files("victims", "victim", lambda victim: victim.poison_files),
        covers=files("victims", "victim", lambda victim: victim.cover_files),
    output:
        model="results/victims/{victim}/model.safetensors",
        history="results/victims/{victim}/history.csv",
        environment="results/victims/{victim}/environment.json",
    log:
        "results/logs/victims/{victim}.log",
    cache: True
    conda:
        ENVIRONMENT
    resources:
        gpu=1,
    params:
        specification=specification("victims", "victim"),
        folder=folder("victims", "victim"),
    script:
        "../workflow_scripts/victim.py"
