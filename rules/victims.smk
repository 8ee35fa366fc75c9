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
    conda:
        ENVIRONMENT
    params:
        specification=specification("features", "features"),
        folder=folder("features", "features"),
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
    conda:
        ENVIRONMENT
    resources:
        gpu=1,
    params:
        specification=specification("victims", "victim"),
        folder=folder("victims", "victim"),
    script:
        "../workflow_scripts/victims.py"
