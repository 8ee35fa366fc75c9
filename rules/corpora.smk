# The only rule that downloads. It is a local rule, as the nodes of a cluster may have no network. Its output names files of
# this machine, so it is not cached between workflows.
rule corpus_recordings:
    output:
        recordings="results/corpora/{corpus}/recordings.parquet",
    log:
        "results/logs/corpora/{corpus}/recordings.log",
    localrule: True
    conda:
        ENVIRONMENT
    params:
        specification=specification("corpora"),
    script:
        "../workflow_scripts/corpus_recordings.py"


rule corpus_audio:
    input:
        recordings=ancient("results/corpora/{corpus}/recordings.parquet"),
    output:
        audio="results/corpora/{corpus}/audio/{shard}.parquet",
        remarks="results/corpora/{corpus}/audio/{shard}.json",
    log:
        "results/logs/corpora/{corpus}/audio-{shard}.log",
    cache: True
    group:
        small("corpora")
    conda:
        ENVIRONMENT
    params:
        specification=specification("corpora"),
        shard="{shard}",
    script:
        "../workflow_scripts/corpus_audio.py"


rule corpus_index:
    input:
        unpack(
            files(
                "corpora",
                audio=lambda corpus: corpus.audio_files,
                remarks=lambda corpus: corpus.remark_files,
            )
        ),
    output:
        index="results/corpora/{corpus}/index.parquet",
        report="results/corpora/{corpus}/report.json",
        labels="results/corpora/{corpus}/labels.csv",
    log:
        "results/logs/corpora/{corpus}/index.log",
    cache: True
    group:
        small("corpora", step=1)
    conda:
        ENVIRONMENT
    params:
        specification=specification("corpora"),
    script:
        "../workflow_scripts/corpus_index.py"
