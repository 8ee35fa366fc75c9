rule features:
    input:
        unpack(
            files(
                "features",
                audio=lambda features, shard: features.audio_stage.audio(shard),
            )
        ),
    output:
        features="results/features/{features}/{shard}.safetensors",
    log:
        "results/logs/features/{features}/{shard}.log",
    cache: True
    group:
        small("features")
    conda:
        ENVIRONMENT
    params:
        specification=specification("features"),
        shard="{shard}",
    script:
        "../workflow_scripts/features.py"


rule victim:
    input:
        unpack(
            files(
                "victims",
                index=lambda victim: victim.poisoned.corpus.index,
                manifest=lambda victim: victim.poisoned.manifest,
                clean=lambda victim: victim.clean_features.files,
                poison=lambda victim: victim.poison_files,
                covers=lambda victim: victim.cover_files,
            )
        ),
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
        gpu=gpus("victims"),
    params:
        specification=specification("victims"),
    script:
        "../workflow_scripts/victim.py"
