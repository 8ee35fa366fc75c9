find_features = look_up("features", "features")
find_victim = look_up("victims", "victim")


rule features:
    input:
        audio=lambda wildcards: find_features(wildcards).audio_stage.audio(
            wildcards.shard
        ),
    output:
        features="results/features/{features}/{shard}.safetensors",
    log:
        "results/logs/features/{features}/{shard}.log",
    params:
        specification=specification("features", "features"),
        folder=folder("features", "features"),
    conda:
        ENVIRONMENT
    script:
        "../workflow_scripts/features.py"


rule victim:
    input:
        index=lambda wildcards: find_victim(wildcards).poisoned.corpus.index,
        manifest=lambda wildcards: find_victim(wildcards).poisoned.manifest,
        clean=lambda wildcards: find_victim(wildcards).clean_features.files,
        poison=lambda wildcards: [
            path
            for features in find_victim(wildcards).poison_features
            for path in features.files
        ],
    output:
        model="results/victims/{victim}/model.safetensors",
        history="results/victims/{victim}/history.csv",
    log:
        "results/logs/victims/{victim}.log",
    params:
        specification=specification("victims", "victim"),
        folder=folder("victims", "victim"),
    resources:
        gpu=1,
    conda:
        ENVIRONMENT
    script:
        "../workflow_scripts/victims.py"
