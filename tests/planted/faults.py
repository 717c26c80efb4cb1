"""Faults that a test must catch: each is a few words of the library, and wrong ones in their place.

The right words occur once in the whole tree (tests/unit/test_planted.py sees to it), so a fault
needs no file name and follows its words wherever they move. Where words were rewritten, ``also``
holds what the same fault was before: one list serves two versions of the library.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Fault:
    """One fault.

    Attributes
    ----------
    name : what is wrong
    right, wrong : words of the library, and what takes their place
    tests : files or tests that are concerned, the first to be asked
    also : the same of other versions of the library, pairs of right and wrong
    """

    name: str
    right: str
    wrong: str
    tests: tuple[str, ...]
    also: tuple[tuple[str, str], ...] = ()


SPECTRA = ("unit/test_spectra.py", "science/test_binning.py", "unit/test_mixing.py")
DRAWS = ("unit/test_linear.py", "unit/test_seeds.py", "science/test_draws.py")
COVARIANCE = ("unit/test_covariance.py",)
INGEST = ("unit/test_ingest.py", "unit/test_ingest_mistakes.py", "unit/test_export.py")
SIMULATION = ("science/test_systematics.py", "science/test_gain_engines.py")
SYMMETRY = ("unit/test_turning.py", "unit/test_symmetry.py", "unit/test_smoothed_variances.py")
EMULATOR = ("science/test_emulator.py",)

FAULTS = (
    # a covariance about an axis
    Fault(
        "turned inputs and regressions change their shares",
        'weights = {"large": 1 - share, "near": share}',
        'weights = {"large": share, "near": 1 - share}',
        ("science/test_completed.py",),
    ),
    Fault(
        "small scales are not multiplied",
        '"near": self.multiple * self.share,',
        '"near": self.share,',
        ("science/test_completed.py",),
    ),
    Fault(
        "small turns come before those about the axis",
        "return found * rotation.from_rotvec(np.deg2rad(angles)[:, None] * np.array(self.axis))",
        "return rotation.from_rotvec(np.deg2rad(angles)[:, None] * np.array(self.axis)) * found",
        ("science/test_turned_parts.py",),
    ),
    Fault(
        "variances are smoothed with nothing beyond an edge",
        "    return centre + above / np.maximum(below, LEAST_INSIDE)\n",
        "    return centre + above\n",
        ("science/test_turned_parts.py",),
    ),
    Fault(
        "what amplitudes tell is left in the draws of the rest",
        "drawn -= (drawn @ self.directions.T) @ self._carried[0]",
        "drawn -= 0",
        ("science/test_scales.py",),
    ),
    # randomness and shards
    Fault(
        "blocks of draws begin where a shard does",
        "for first in range(start - start % size, stop, size):",
        "for first in range(start, stop, size):",
        DRAWS,
    ),
    Fault(
        "every shard draws the same numbers",
        "generator(campaign_seed, *key, index).standard_normal(out=row)",
        "generator(campaign_seed, *key, index - start).standard_normal(out=row)",
        DRAWS,
    ),
    Fault(
        "the last word of a key does not count",
        "SeedSequence(campaign_seed, spawn_key=spawn_key(*key))",
        "SeedSequence(campaign_seed, spawn_key=spawn_key(*key[:-1]))",
        DRAWS,
    ),
    Fault(
        "the last shard goes beyond the end",
        "[Shard(start, min(start + size, n_items)) for",
        "[Shard(start, start + size) for",
        ("unit/test_shards.py",),
    ),
    Fault(
        "a map of a batch is in another slot",
        "slot_of_map=use % batch_size,",
        "slot_of_map=use // batch_size,",
        ("unit/test_batches.py",),
    ),
    Fault(
        "picked maps are counted from the wrong file",
        "part.maps[low - part.first : high - part.first]",
        "part.maps[low - start : high - start]",
        ("unit/test_picked.py",),
    ),
    Fault(
        "an isotropic map has the spectrum of another input in another shard",
        "_realize(roots[index % len(inputs)], components, generator, sky.nside)",
        "_realize(roots[(index - start) % len(inputs)], components, generator, sky.nside)",
        ("science/test_draws.py", "unit/test_mixing.py", "unit/test_own_scripts.py"),
    ),
    Fault(
        "maps of a batch are collected out of order",
        "maps[chosen] = content[slots[chosen]]",
        "maps[chosen] = content[np.sort(slots[chosen])[::-1]]",
        ("unit/test_batches.py", "workflow/test_run.py"),
    ),
    # spectra
    Fault(
        "weights are left out of pseudo-spectra",
        "return sky.expand(maps * sky.weight, fill=0.0)",
        "return sky.expand(maps, fill=0.0)",
        SPECTRA,
    ),
    Fault(
        "a cross spectrum is an auto spectrum",
        "row[:] = healpy.alm2cl(alms[a], alms[b], lmax=lmax)",
        "row[:] = healpy.alm2cl(alms[a], alms[a], lmax=lmax)",
        SPECTRA,
    ),
    Fault(
        "the quadrature is refined the wrong way",
        "residual = polarization - healpy.alm2map_spin(alms, nside, 2, lmax)",
        "residual = healpy.alm2map_spin(alms, nside, 2, lmax) - polarization",
        SPECTRA,
    ),
    Fault(
        "complex coefficients are twice as strong",
        "(normals[0] + 1j * normals[1]) / np.sqrt(2))",
        "normals[0] + 1j * normals[1])",
        ("science/test_draws.py",),
    ),
    Fault(
        "cross spectra of isotropic maps are lost",
        "result[:, i, j] = result[:, j, i] = row",
        "result[:, i, j] = result[:, j, i] = row * (i == j)",
        ("science/test_draws.py",),
    ),
    Fault(
        "the mixing of multipoles is transposed",
        "np.clip(mixed.T @ ratio / reach, 0.1, 10)",
        "np.clip(mixed @ ratio / reach, 0.1, 10)",
        ("unit/test_mixing.py",),
    ),
    Fault(
        "spectra of the second file are counted as one",
        'parts.append(store.read(path, KIND, "cl")["cl"])\n        count += len(parts[-1])',
        'parts.append(store.read(path, KIND, "cl")["cl"])\n        count += 1',
        (*SPECTRA, "unit/test_statistics_scripts.py"),
    ),
    # covariances
    Fault(
        "a covariance is normalized by n",
        "scatter /= n_maps - 1",
        "scatter /= n_maps",
        COVARIANCE,
    ),
    Fault(
        "the square root of a covariance is its fourth",
        "vectors *= values**0.25",
        "vectors *= values**0.125",
        COVARIANCE,
    ),
    Fault(
        "variances of streamed modes are normalized by n",
        "variance = (squares - total**2 / n_maps) / (n_maps - 1)",
        "variance = (squares - total**2 / n_maps) / n_maps",
        COVARIANCE,
    ),
    Fault(
        "modes of a factor are not normalized",
        "Modes(values, (turn / np.sqrt(values)).T @ rows)",
        "Modes(values, turn.T @ rows)",
        COVARIANCE,
    ),
    Fault(
        "a mirrored matrix has a row of another",
        "matrix[column + 1 :, column] = matrix[column, column + 1 :]",
        "matrix[column + 1 :, column] = matrix[column, column + 1 :][::-1]",
        COVARIANCE,
    ),
    # the sky and its files
    Fault(
        "a mask is inverted",
        "pixels = np.flatnonzero(mask)",
        "pixels = np.flatnonzero(mask == 0)",
        ("unit/test_sky.py", "unit/test_observed.py"),
    ),
    Fault(
        "weights have not the mean 1",
        "return self.weights / self.weights.mean()",
        "return self.weights / self.weights.sum()",
        ("unit/test_sky.py",),
    ),
    Fault(
        "Stokes parameters of a second channel are those of the first",
        "channel * len(present) + present.index(letter)",
        "present.index(letter)",
        ("unit/test_components.py", "unit/test_store.py"),
    ),
    Fault(
        "map files need not follow each other",
        'expected = {**found, "first": part.first + len(part)}',
        "expected = {}",
        ("unit/test_store.py",),
    ),
    Fault(
        "values that are not finite are let in",
        "if not np.isfinite(maps).all():\n        bad",
        "if False:\n        bad",
        ("unit/test_store.py",),
    ),
    # maps of the user
    Fault(
        "microkelvin are millikelvin",
        '{"K": 1.0, "mK": 1e-3, "uK": 1e-6, "nK": 1e-9}',
        '{"K": 1.0, "mK": 1e-3, "uK": 1e-3, "nK": 1e-9}',
        INGEST,
    ),
    Fault(
        "the IAU's U keeps its sign",
        'values[stokes.index("U")] *= -1',
        'values[stokes.index("U")] *= 1',
        INGEST,
    ),
    Fault(
        "the IAU's Q changes its sign",
        'values[stokes.index("U")] *= -1',
        'values[stokes.index("Q")] *= -1',
        INGEST,
    ),
    Fault(
        "Q and U by place are swapped",
        'BY_PLACE = {1: "T", 2: "QU", 3: "TQU"}',
        'BY_PLACE = {1: "T", 2: "UQ", 3: "TUQ"}',
        INGEST,
    ),
    Fault(
        "nested maps are reordered the wrong way",
        "values = values[:, healpy.ring2nest(header.nside, ring)]",
        "values = values[:, healpy.nest2ring(header.nside, ring)]",
        INGEST,
    ),
    Fault(
        "a pixel unseen in one map is kept",
        "    pixels.seen &= raw.seen\n",
        "    pixels.seen |= raw.seen\n",
        INGEST,
        (("        seen &= raw.seen\n", "        seen |= raw.seen\n"),),
    ),
    Fault(
        "a copy among the maps is not told",
        "digest = hashlib.sha256(raw.values.tobytes()).digest()\n",
        "digest = raw.where.encode()\n",
        INGEST,
    ),
    Fault(
        "checksums are not looked at",
        'warnings.filterwarnings("error", ".*(truncated|[Dd]atasum)")',
        'warnings.filterwarnings("ignore", ".*(truncated|[Dd]atasum)")',
        INGEST,
        (('".*(truncated|[Cc]hecksum|[Dd]atasum)")', '".*(truncated)")'),),
    ),
    Fault(
        "units that differ between columns are let in",
        "    if len(said) > 1:\n",
        "    if len(said) > 3:\n",
        INGEST,
        (("if len(set(said.values())) > 1:", "if len(set(said.values())) > 3:"),),
    ),
    Fault(
        "weights of a mask become ones",
        "weights = np.where(kept, change.scalar(weights, weights > 0), 0)",
        "weights = np.where(kept, 1.0, 0)",
        ("unit/test_mask_types.py", *INGEST),
    ),
    Fault(
        "every channel is exported with the first one's maps",
        "maps = components[place * n_stokes : (place + 1) * n_stokes]",
        "maps = components[:n_stokes]",
        INGEST,
    ),
    Fault(
        "exported maps are said to be the IAU's",
        '("POLCCONV", "COSMO", "Polarization convention")',
        '("POLCCONV", "IAU", "Polarization convention")',
        INGEST,
    ),
    # what runs again, and what is told
    Fault(
        "the version of the judge is an old one",
        '"judge": Stage(3,',
        '"judge": Stage(2,',
        ("unit/test_versions.py", "workflow/test_run.py"),
    ),
    Fault(
        "another mask makes nothing anew",
        '_SKY = ("maps.stokes", "maps.mask", "maps.shape", "maps.periodic")',
        '_SKY = ("maps.stokes", "maps.shape", "maps.periodic")',
        ("unit/test_versions.py", "workflow/test_plan.py"),
    ),
    Fault(
        "other steps emulate nothing anew",
        'Stage(4, ("seed", *_EMULATOR))',
        'Stage(4, ("seed", *of_model()))',
        ("unit/test_versions.py", "workflow/test_plan.py"),
    ),
    Fault(
        "what was discarded is not made again",
        "if not Path(line).exists() and _is_wanted(campaign, Path(line))",
        "if Path(line).exists() and _is_wanted(campaign, Path(line))",
        ("workflow/test_discard.py", "unit/test_status.py"),
    ),
    Fault(
        "the report does not say that no truth is known",
        '"No truth is known, so nothing is said of errors of the covariance, equivalent "',
        '"So nothing is said of errors of the covariance, equivalent "',
        ("unit/test_own_scripts.py", "workflow/test_own_maps.py"),
    ),
    Fault(
        "what is infinite passes",
        '"passed": bool(math.isfinite(value) and allowed.holds(value)) if allowed else None,',
        '"passed": bool(not math.isfinite(value) or allowed.holds(value)) if allowed else None,',
        ("unit/test_validation.py", "unit/test_compare.py", "science/test_models.py"),
    ),
    Fault(
        "a range has no upper end",
        "(self.high is None or value <= self.high)",
        "(self.high is None or value <= math.inf)",
        ("unit/test_validation.py", "science/test_judgement.py"),
    ),
    Fault(
        "a verdict without a truth speaks of true maps",
        "text.replace(truth, inputs) for key, text in words.items()",
        "text for key, text in words.items()",
        ("unit/test_validation.py", "unit/test_own_scripts.py", "science/test_judgement.py"),
    ),
    # the simulation
    Fault(
        "a drift is the gain itself",
        "    return gain - 1\n",
        "    return gain\n",
        SIMULATION,
    ),
    Fault(
        "the converter is linear",
        "tod=lambda observation, data: data**2,",
        "tod=lambda observation, data: data,",
        SIMULATION,
    ),
    Fault(
        "steps of a drift are too small",
        "root[:, 1:] *= np.sqrt(1 - rho**2)",
        "root[:, 1:] *= 1 - rho**2",
        SIMULATION,
    ),
    Fault(
        "the mixing of amplitudes is transposed",
        "mixed = np.tensordot(kind.mixing.T, mixed, axes=1)",
        "mixed = np.tensordot(kind.mixing, mixed, axes=1)",
        SIMULATION,
    ),
    Fault(
        "the exact covariance has U before Q",
        'components = ["TQU".index(letter) for letter in campaign.maps.stokes]',
        'components = ["TUQ".index(letter) for letter in campaign.maps.stokes]',
        (*SIMULATION, "unit/test_simulation_scripts.py"),
    ),
    Fault(
        "1/f noise is blue",
        "slope=-noise.slope,",
        "slope=noise.slope,",
        SIMULATION,
    ),
    Fault(
        "arcminutes are degrees",
        "np.deg2rad(settings.standard_deviation_arcmin / 60)",
        "np.deg2rad(settings.standard_deviation_arcmin)",
        SIMULATION,
    ),
    Fault(
        "synchrotron has the index of its temperature",
        "sky = relative ** (2 + settings.spectral_index)",
        "sky = relative**settings.spectral_index",
        SIMULATION,
    ),
    Fault(
        "every chunk has the same thermal drift",
        'campaign.seed, "thermal_drift", "original", index, observation.chunk',
        'campaign.seed, "thermal_drift", "original", index',
        SIMULATION,
    ),
    Fault(
        "polarization turns against the frame",
        "result[i, 2] = psi + np.arctan2(",
        "result[i, 2] = psi - np.arctan2(",
        ("science/test_frames.py",),
    ),
    Fault(
        "the pixel window is applied twice",
        "pixel_window(nside, lmax) / pixel_window(healpy.npix2nside(tqu.shape[-1]), lmax)",
        "pixel_window(nside, lmax) * pixel_window(healpy.npix2nside(tqu.shape[-1]), lmax)",
        ("unit/test_resolution.py",),
    ),
    # control variates
    Fault(
        "the control has the wrong sign",
        "x.mean(axis=0) - beta * offset, np.sqrt(",
        "x.mean(axis=0) + beta * offset, np.sqrt(",
        ("unit/test_control.py",),
    ),
    Fault(
        "the slope of a control costs nothing",
        "variance = np.sum(residual**2, axis=0) / (n - 1 - varies)",
        "variance = np.sum(residual**2, axis=0) / n",
        ("unit/test_control.py", "unit/test_paired.py"),
    ),
    # scattering and descent
    Fault(
        "wavelets point to the other side",
        "(east * np.cos(theta)[:, None] + south * np.sin(theta)[:, None])",
        "(east * np.cos(theta)[:, None] - south * np.sin(theta)[:, None])",
        ("science/test_scattering.py",),
    ),
    Fault(
        "wavelets see a constant",
        "/ present.sum(axis=1, keepdims=True) * present",
        "/ present.sum(axis=1, keepdims=True) * (1 - present)",
        ("science/test_scattering.py",),
    ),
    Fault(
        "the first layer is not normalized",
        "covariance *= _norms_of_pairs(norm, tf.concat(norms, axis=1))",
        "covariance *= _norms_of_pairs(norm * 0 + 1, tf.concat(norms, axis=1))",
        ("science/test_scattering.py",),
    ),
    Fault(
        "the loss forgets its goal",
        "deviation = phi.evaluate(operators, together, n_batches) - goals",
        "deviation = phi.evaluate(operators, together, n_batches)",
        EMULATOR,
    ),
    Fault(
        "the history of a descent has another step in its newest row",
        "rows = tf.math.floormod(state.step + 1, size)\n",
        "rows = tf.math.floormod(state.step + 2, size)\n",
        EMULATOR,
    ),
    Fault(
        "the second loop of L-BFGS subtracts",
        "y_r = scale * yg[:, i] + _dot(on_y, yy[:, i])",
        "y_r = scale * yg[:, i] - _dot(on_y, yy[:, i])",
        EMULATOR,
    ),
    Fault(
        "emulated maps have no mean",
        "physical = (maps * self.model.deviation + self.model.mean).astype(np.float32)",
        "physical = (maps * self.model.deviation).astype(np.float32)",
        ("unit/test_given.py", *EMULATOR, "science/test_papers_descent.py"),
    ),
    Fault(
        "every batch has the same given maps",
        "return self.maps[(index * size + np.arange(size)) % len(self.maps)]",
        "return self.maps[np.arange(size) % len(self.maps)]",
        ("unit/test_given.py", *EMULATOR),
    ),
    Fault(
        "a batch of another configuration is kept",
        'if store.read_attributes(path, KIND)["key"] != key:',
        'if store.read_attributes(path, KIND)["key"] is None:',
        ("unit/test_batches.py", "science/test_emulator.py", "workflow/test_run.py"),
    ),
    Fault(
        "a checkpoint of another configuration is taken",
        '["key"] != self.key:',
        '["key"] is None:',
        EMULATOR,
    ),
    # what is learnt from the inputs
    Fault(
        "a turn goes to the west",
        "np.exp(-1j * m * np.deg2rad(angle_deg))",
        "np.exp(1j * m * np.deg2rad(angle_deg))",
        SYMMETRY,
    ),
    Fault(
        "a reflection changes the sign of Q",
        'np.array([-1.0 if letter == "U" else 1.0 for letter in stokes])',
        'np.array([-1.0 if letter == "Q" else 1.0 for letter in stokes])',
        SYMMETRY,
    ),
    Fault(
        "half of the rings are flipped by a pixel too few",
        "np.roll(row[::-1], 1) if centred else row[::-1]",
        "row[::-1]",
        SYMMETRY,
    ),
    Fault(
        "the likelihood prefers large covariances",
        "return -np.sum(white**2, axis=0) / 2 - np.sum(np.log(np.diagonal(root)))",
        "return -np.sum(white**2, axis=0) / 2 + np.sum(np.log(np.diagonal(root)))",
        (*SYMMETRY, "unit/test_surrogate.py"),
    ),
    Fault(
        "weights do not sum to 1",
        "    weights /= weights.sum()\n",
        "    weights *= 1.1\n",
        SYMMETRY,
    ),
    Fault(
        "every fold holds out the same inputs",
        "[np.arange(fold, n_maps, n_folds) for fold in range(n_folds)]",
        "[np.arange(0, n_maps, n_folds) for fold in range(n_folds)]",
        SYMMETRY,
        (("np.arange(fold, len(maps), n_folds),\n", "np.arange(0, len(maps), n_folds),\n"),),
    ),
    Fault(
        "variances are not smoothed",
        "smoothed = np.exp(_smooth_inside(logarithm, smoothing, sky))",
        "smoothed = np.exp(logarithm)",
        SYMMETRY,
    ),
    # judgement
    Fault(
        "χ² from few maps is biased",
        "return chi2 * (n_maps - k - 2) / (n_maps - 1)",
        "return chi2",
        ("science/test_trust.py",),
    ),
    Fault(
        "the width of χ² is that of a known covariance",
        "return math.sqrt(2 * (k + m - 2) / (k * (m - 4)))",
        "return math.sqrt(2 / k)",
        ("science/test_trust.py",),
    ),
    Fault(
        "the divergence is that of the truth from the model",
        "return float(0.5 * np.sum(1 / ratios + np.log(ratios) - 1))",
        "return float(0.5 * np.sum(ratios - np.log(ratios) - 1))",
        ("unit/test_compare.py",),
    ),
    Fault(
        "the intensity of Ledoit and Wolf lacks a factor",
        "noise = (np.sum(np.diagonal(gram) ** 2) / n_maps - square) / n_maps",
        "noise = np.sum(np.diagonal(gram) ** 2) / n_maps - square",
        ("unit/test_compare.py",),
    ),
    Fault(
        "the jackknife's error lacks its factor",
        "return float(np.sqrt((len(left) - 1) * left.var()))",
        "return float(np.sqrt(left.var()))",
        ("unit/test_compare.py",),
    ),
    Fault(
        "moments of two files forget that their means differ",
        "squares = a.squares + b.squares + shift**2 * (a.n_maps * b.n_maps / n_maps)",
        "squares = a.squares + b.squares",
        ("unit/test_validation.py", "science/test_measured_scattering.py"),
    ),
    Fault(
        "the third Minkowski functional lacks a factor",
        "v3 / (4 * np.pi)]",
        "v3 / (2 * np.pi)]",
        ("science/test_minkowski.py",),
    ),
    Fault(
        "values beyond the last bin are lost",
        'np.searchsorted(EDGES[1:-1], values, side="right")',
        'np.searchsorted(EDGES[1:-2], values, side="right")',
        ("unit/test_validation.py", "science/test_judgement.py"),
    ),
    Fault(
        "variance within batches counts too many degrees of freedom",
        "axis=0) / (len(batch) - len(size))",
        "axis=0) / len(batch)",
        ("science/test_diversity.py",),
    ),
    Fault(
        "residuals are in units of their own scatter",
        "return _over_scatter(tested.mean - reference.mean, reference)",
        "return _over_scatter(tested.mean - reference.mean, tested)",
        ("unit/test_validation.py", "science/test_judgement.py"),
    ),
)
