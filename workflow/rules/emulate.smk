"""From the input maps to emulated datasets by the scattering-covariance model."""


rule prepare_emulation:
    """What every batch of an emulated dataset descends to.

    In: the input maps, and the best covariance without emulation where a start or the
    variances follow from it. Out: pixelwise mean and standard deviation, orientations, the
    target statistics of the inputs, what starts are drawn from. Cost: the statistics once.
    """
    input:
        maps=input_maps,
        symmetry=lambda wildcards: symmetry_of(wildcards.dataset, campaign.emulator.learns),
    output:
        "<results>/emulation/{dataset}/model.h5",
    log:
        "<logs>/prepare_emulation/{dataset}.log",
    benchmark:
        "<benchmarks>/prepare_emulation/{dataset}.tsv"
    wildcard_constraints:
        dataset=one_of("emulated", "fold"),
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=memory("prepare_emulation"),
        runtime=runtime("prepare_emulation"),
    params:
        config=CONFIG,
        basis=basis_of_dataset("prepare_emulation"),
        symmetry=lambda wildcards, input: f"--symmetry {input.symmetry}" if input.symmetry else "",
    shell:
        "python $FEWTOMANY/emulation/prepare_emulation.py --config {params.config}"
        " --dataset {wildcards.dataset} --output {output} {params.symmetry}"
        " {input.maps} &> {log}"


rule emulate:
    """Batches START to STOP of an emulated dataset.

    In: the model, and maps of channels that are given. Out: a manifest; each batch
    (batch_size, n_components, n_pix) is a file of its own
    in the dataset's batches folder, so that a job that was cut off goes on where it was.
    Ranks share the batches where the resources say mpi=LAUNCHER and tasks=N.
    Cost: batches * n_steps loss-and-gradient evaluations, the bulk of a campaign.
    """
    input:
        model="<results>/emulation/{dataset}/model.h5",
        given=given_maps,
    output:
        "<results>/emulation/{dataset}/shards/batches-{start}-{stop}.json",
    log:
        "<logs>/emulate/{dataset}/{start}-{stop}.log",
    benchmark:
        "<benchmarks>/emulate/{dataset}/{start}-{stop}.tsv"
    wildcard_constraints:
        dataset=one_of("emulated", "fold"),
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=memory("emulate"),
        mem_mb_per_cpu=memory("emulate"),
        runtime=runtime("emulate"),
    params:
        config=CONFIG,
        basis=basis_of_dataset("emulate"),
        batches=lambda wildcards, input: str(Path(input.model).parent / "batches"),
        launcher=launcher,
        ranks=ranks,
        device=device,
        at_once=at_once,
        given=lambda wildcards, input: f"--given {input.given}" if input.given else "",
    shell:
        "{params.launcher} python $FEWTOMANY/emulation/emulate.py {params.ranks} {params.device}"
        " {params.at_once}"
        " --config {params.config} --dataset {wildcards.dataset}"
        " --model {input.model} --start {wildcards.start} --stop {wildcards.stop}"
        " --batches {params.batches} --output {output} {params.given} &> {log}"


rule assemble:
    """Maps START to STOP of an emulated dataset, put together from its batches.

    In: the manifests of the batches that hold these maps, and a file of the inputs, which
    names components and pixels. Out: (n_maps, n_components, n_pix), K. Cost: reading and writing.
    """
    input:
        manifests=manifests_for,
        like=lambda wildcards: input_maps(wildcards)[0],
    output:
        "<results>/datasets/{dataset}/maps-{start}-{stop}.h5",
    log:
        "<logs>/assemble/{dataset}/{start}-{stop}.log",
    benchmark:
        "<benchmarks>/assemble/{dataset}/{start}-{stop}.tsv"
    wildcard_constraints:
        dataset=one_of("emulated", "fold"),
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=memory("assemble"),
        runtime=runtime("assemble"),
    params:
        config=CONFIG,
        basis=basis_of_dataset("assemble"),
    shell:
        "python $FEWTOMANY/emulation/assemble.py --config {params.config}"
        " --dataset {wildcards.dataset}"
        " --start {wildcards.start} --stop {wildcards.stop} --like {input.like}"
        " --output {output} {input.manifests} &> {log}"


rule descent:
    """How far the loss of every batch falls.

    In: the manifests of all emulated datasets. Out: JSON with metrics, and the losses of the
    figure. Cost: reading every batch.
    """
    input:
        all_manifests(),
    output:
        "<results>/validation/parts/descent.json",
    log:
        "<logs>/descent.log",
    benchmark:
        "<benchmarks>/descent.tsv"
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=memory("descent"),
        runtime=runtime("descent"),
    params:
        config=CONFIG,
        basis=basis("descent"),
    shell:
        "python $FEWTOMANY/validation/descent.py --config {params.config}"
        " --output {output} {input} &> {log}"
