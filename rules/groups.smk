"""Groups of small jobs: one submission to a cluster each, where a profile gives their sizes, `cpu` and `gpu`.

The members of a group run one after another, in one Snakemake and with the resources of one job: each takes the only
`turn` that its submission has. Local runs have no groups.
"""

from sanguinaria.plan.groups import group_name

if not workflow.is_main_process:
    workflow.register_resource("turn", 1)


def together(name, device):
    """A function from wildcards to the group of a job, by functions of wildcards that name it and its kind of device."""

    @with_signature
    def group(wildcards):
        if not workflow.is_main_process:
            # A submission is one group. Its Snakemake does not receive the sizes of groups, and would start another for each
            # member.
            return sized("submission", sys.maxsize)
        size = workflow.group_settings.group_components.get(device(wildcards))
        return size and sized(name(wildcards), size)

    return group


def sized(name, size):
    """The name of a group, or `None`, after its number of jobs is set in Snakemake."""
    sizes = workflow.group_settings.group_components
    if name not in sizes and name is not None:
        workflow.group_settings.group_components = {**sizes, name: size}
    return name


def small(stage, step=0):
    """The group of a stage's jobs; the step is the position of the rule among those of the stage that need each other."""
    find = look_up(stage)
    return together(
        lambda wildcards: group_name(find(wildcards), step),
        lambda wildcards: "gpu" if find(wildcards).gpus else "cpu",
    )


# What is made from one table.
REPORTS = together(
    lambda wildcards: f"report-{wildcards.table}", lambda wildcards: "cpu"
)
