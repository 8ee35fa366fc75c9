find_defended = look_up("defended")


rule defended_audio:
    input:
        unpack(
            files(
                "defended",
                audio=lambda defended, shard: defended.audio_stage.audio(shard),
                weights=lambda defended, *shard: defended.weights,
                texts=lambda defended, shard: defended.text_files(shard),
            )
        ),
    output:
        audio="results/defended/{defended}/audio/{shard}.parquet",
    log:
        "results/logs/defended/{defended}/{shard}.log",
    cache: True
    group:
        small("defended")
    conda:
        ENVIRONMENT
    resources:
        gpu=gpus("defended"),
    params:
        specification=specification("defended"),
        shard="{shard}",
    script:
        "../workflow_scripts/defended_audio.py"


rule defended_model:
    input:
        unpack(
            files(
                "defended",
                model=lambda defended: defended.victim.model,
                index=lambda defended: defended.poisoned.corpus.index,
                held_out=lambda defended: defended.held_out_files,
            )
        ),
    output:
        models="results/defended/{defended}/models.zip",
    log:
        "results/logs/defended/{defended}.log",
    cache: True
    group:
        small("defended")
    conda:
        ENVIRONMENT
    resources:
        gpu=gpus("defended"),
    params:
        specification=specification("defended"),
        seed=lambda wildcards: find_defended(wildcards).victim.seed,
    script:
        "../workflow_scripts/defended_model.py"
