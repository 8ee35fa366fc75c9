rule table:
    input:
        rows=lambda wildcards: ancient_files(PLAN.tables[wildcards.table].inputs),
        environments=lambda wildcards: ancient_files(
            PLAN.tables[wildcards.table].environments
        ),
        specification=lambda wildcards: write_specification(
            "tables", wildcards.table, PLAN.tables[wildcards.table].specification
        ),
    output:
        table=report(
            "results/tables/{table}.csv",
            caption="report/table.rst",
            category="Tables",
            labels={"table": "{table}", "content": "one line per cell"},
        ),
        metrics="results/tables/{table}.metrics.csv",
        differences="results/tables/{table}.differences.csv",
        runs="results/tables/{table}.runs.csv",
        markdown="results/tables/{table}.md",
        latex="results/tables/{table}.tex",
        provenance=report(
            "results/tables/{table}.provenance.json",
            caption="report/provenance.rst",
            category="Tables",
            labels={"table": "{table}", "content": "what made it"},
        ),
    log:
        "results/logs/tables/{table}.log",
    group:
        REPORTS
    conda:
        ENVIRONMENT
    params:
        specification=lambda wildcards: PLAN.tables[wildcards.table].specification,
    script:
        "../workflow_scripts/table.py"


rule efficiency_table:
    input:
        rows=lambda wildcards: ancient_files(
            path
            for stage in PLAN.tables[wildcards.table].results_of("efficiency")
            for path in stage.row_files
        ),
        specification=lambda wildcards: write_specification(
            "tables", wildcards.table, PLAN.tables[wildcards.table].specification
        ),
    output:
        table="results/tables/{table}.efficiency.csv",
    log:
        "results/logs/tables/{table}.efficiency.log",
    group:
        REPORTS
    conda:
        ENVIRONMENT
    params:
        specification=lambda wildcards: PLAN.tables[wildcards.table].specification,
    script:
        "../workflow_scripts/efficiency_table.py"


rule comparison:
    input:
        table="results/tables/{table}.csv",
        metrics="results/tables/{table}.metrics.csv",
        specification=lambda wildcards: write_specification(
            "tables",
            f"{wildcards.table}.comparison",
            PLAN.tables[wildcards.table].compared.specification,
        ),
    output:
        table=report(
            "results/tables/{table}.comparison.csv",
            caption="report/comparison.rst",
            category="Tables",
            labels={"table": "{table}", "content": "beside the printed numbers"},
        ),
        markdown="results/tables/{table}.comparison.md",
    log:
        "results/logs/tables/{table}.comparison.log",
    group:
        REPORTS
    conda:
        ENVIRONMENT
    params:
        specification=lambda wildcards: PLAN.tables[
            wildcards.table
        ].compared.specification,
    script:
        "../workflow_scripts/comparison.py"


rule figure:
    input:
        tables=lambda wildcards: [
            str(table.table) for table in PLAN.figures[wildcards.figure].tables
        ],
        metrics=lambda wildcards: [
            str(table.metrics) for table in PLAN.figures[wildcards.figure].tables
        ],
        specification=lambda wildcards: write_specification(
            "figures", wildcards.figure, PLAN.figures[wildcards.figure].specification
        ),
    output:
        svg=report(
            "results/figures/{figure}.svg",
            caption="report/figure.rst",
            category="Figures",
            labels={"figure": "{figure}", "content": "drawn"},
        ),
        png="results/figures/{figure}.png",
        points="results/figures/{figure}.csv",
        provenance=report(
            "results/figures/{figure}.provenance.json",
            caption="report/provenance.rst",
            category="Figures",
            labels={"figure": "{figure}", "content": "what made it"},
        ),
    log:
        "results/logs/figures/{figure}.log",
    wildcard_constraints:
        figure=one_of(PLAN.figures),
    conda:
        ENVIRONMENT
    params:
        specification=lambda wildcards: PLAN.figures[wildcards.figure].specification,
    script:
        "../workflow_scripts/figure.py"


rule spectrogram:
    input:
        audio=lambda wildcards: ancient_files(
            PLAN.spectrograms[wildcards.spectrogram].inputs
        ),
        environments=lambda wildcards: ancient_files(
            PLAN.spectrograms[wildcards.spectrogram].environments
        ),
        specification=lambda wildcards: write_specification(
            "figures",
            wildcards.spectrogram,
            PLAN.spectrograms[wildcards.spectrogram].specification,
        ),
    output:
        svg=report(
            "results/figures/{spectrogram}.svg",
            caption="report/spectrogram.rst",
            category="Figures",
            labels={"figure": "{spectrogram}", "content": "drawn"},
        ),
        png="results/figures/{spectrogram}.png",
        provenance=report(
            "results/figures/{spectrogram}.provenance.json",
            caption="report/provenance.rst",
            category="Figures",
            labels={"figure": "{spectrogram}", "content": "what made it"},
        ),
    log:
        "results/logs/figures/{spectrogram}.log",
    wildcard_constraints:
        spectrogram=one_of(PLAN.spectrograms),
    conda:
        ENVIRONMENT
    params:
        specification=lambda wildcards: PLAN.spectrograms[
            wildcards.spectrogram
        ].specification,
    script:
        "../workflow_scripts/spectrogram.py"


# Every table and figure is a target by its own name.
for name, paths in TARGETS.items():

    rule:
        name:
            name
        input:
            paths,
        localrule: True


# And the poisoned training sets of an experiment in one piece, for other programs.
for name in PLAN.datasets:

    rule:
        name:
            f"{name}_data"
        input:
            # The name is bound here, as the function is called after the loop.
            lambda wildcards, name=name: [
                str(stage.description) for stage in PLAN.datasets[name]
            ],
        localrule: True
