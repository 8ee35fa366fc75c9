"""Distortions against formulas, published constants and other libraries, and what they all have in common."""

from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from scipy import ndimage, signal

from sanguinaria import acoustics, coding, plugins
from sanguinaria.distortions import Distortion, distorted, from_text, to_text
from sanguinaria.distortions.reverberation import Reverberation
from sanguinaria.errors import InputError

RATE = 16000
ENTRIES = yaml.safe_load((Path(__file__).parents[1] / "config.yaml").read_text(encoding="utf-8"))["distortions"]
WAKE = "up_down_sampling random_noise wake_pink_noise wake_low_pass high_pass band_pass boost duck shush".split()
PKDMARK = (
    "undistorted gaussian_noise median mp3_64 low_pass down_sampling quantisation amplitude_scaling echo slow fast "
    "reverberation pitch_up pitch_down"
).split()
CODECS = [name for name, settings in ENTRIES.items() if settings["kind"] == "codec"]
DRAWN = {"noise", "reverberation", "rerecording"}  # by kind; and those of the entries that are anywhere
ANYWHERE = {"suppression", "cropping", "time_shift", "few_samples"}
NOISY = {"random_noise", "pink_noise", "wake_pink_noise"}  # whatever the level of what they are added to
# Medians have kinks, the angles of a phase vocoder more of them, and the level of noise is no part of its gradient.
INEXACT = {"median", "pitch_up", "pitch_down", "stretched", "shortened", "gaussian_noise", "rerecording"}


def built(**settings) -> Distortion:
    distortion = plugins.build("distortions", settings)
    assert isinstance(distortion, Distortion)
    return distortion


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def applied(waveforms: torch.Tensor, sample_rate: int = RATE, **settings) -> torch.Tensor:
    return built(**settings).apply(waveforms, sample_rate, seeded())


def speech(utterances: int = 2, samples: int = RATE, rate: int = RATE) -> torch.Tensor:
    """Noise of the band and with the bursts of speech, (utterances, samples)."""
    random = np.random.default_rng(0)
    band = signal.butter(2, [100, min(3500, 0.4 * rate)], "band", fs=rate, output="sos")
    bursts = 1 + np.sin(2 * np.pi * 4 * np.arange(samples) / rate)
    shaped = signal.sosfilt(band, random.standard_normal((utterances, samples))) * bursts
    return torch.from_numpy(0.5 * shaped / np.abs(shaped).max()).float()


def tone(frequency: float, seconds: float = 2, amplitude: float = 0.5) -> torch.Tensor:
    time = np.arange(int(seconds * RATE)) / RATE
    return torch.from_numpy(amplitude * np.sin(2 * np.pi * frequency * time)).float()[None]


def frequency_of(waveform: torch.Tensor) -> float:
    """Hz, of the middle of a tone (1, samples)."""
    middle = waveform[0, 4000:-4000].numpy()
    spectrum = np.abs(np.fft.rfft(middle * np.hanning(len(middle)), 1 << 20))
    return float(spectrum.argmax() * RATE / (1 << 20))


def decibels(power: torch.Tensor) -> torch.Tensor:
    return 10 * power.log10()


def reverberation_time(response: np.ndarray) -> float:
    """RT60 in seconds: the slope of Schroeder's backward integral from −5 to −35 dB."""
    remaining = np.cumsum((response**2)[::-1])[::-1]
    level = 10 * np.log10(remaining / remaining[0] + 1e-20)
    first, last = np.argmax(level <= -5), np.argmax(level <= -35)
    slope = np.polyfit(np.arange(first, last) / RATE, level[first:last], 1)[0]
    return -60 / slope


def lag(before: np.ndarray, after: np.ndarray) -> int:
    """Samples by which one waveform is later."""
    return int(np.argmax(signal.correlate(after, before))) - (len(before) - 1)


# What each does.


@pytest.mark.parametrize("snr", [-5, 10, 34.5])
@pytest.mark.parametrize("colour", ["white", "pink", "walks"])
def test_noise_has_the_ratio_that_is_asked_for(colour, snr):
    loud = speech()
    loud[1] *= 0.01
    noise = applied(loud, kind="noise", colour=colour, snr=snr).double() - loud
    ratio = decibels(loud.double().square().mean(-1) / noise.square().mean(-1))
    torch.testing.assert_close(ratio, torch.full((2,), float(snr)).double(), atol=0.05, rtol=0)


def test_the_level_of_noise_can_be_that_of_published_code():
    silence = torch.zeros(3, RATE)
    assert applied(silence, kind="noise", std=0.001).std(-1) == pytest.approx([0.001] * 3, rel=0.001)
    pink = applied(silence, kind="noise", colour="pink", peak=0.01)
    assert pink.abs().amax(-1) == pytest.approx([0.01] * 3)
    assert pink.mean(-1) == pytest.approx([0] * 3, abs=1e-8)


@pytest.mark.parametrize(("colour", "slope"), [("white", 0), ("pink", -10)])
def test_the_spectrum_of_noise_falls_by_its_colour(colour, slope):
    noise = applied(torch.zeros(8, 4 * RATE), kind="noise", colour=colour, std=0.1)
    frequencies, density = signal.welch(noise.numpy(), RATE, nperseg=4096)
    inside = (frequencies > 50) & (frequencies < 7000)
    # Evenly in decades, or the many bins of the last one would count alone.
    found = np.polyfit(
        np.log10(frequencies[inside]), 10 * np.log10(density.mean(0)[inside]), 1, w=frequencies[inside] ** -0.5
    )[0]
    assert found == pytest.approx(slope, abs=0.3)


def test_walks_are_what_audiocraft_calls_pink_noise():
    noise = applied(torch.zeros(4, RATE), kind="noise", colour="walks", peak=0.01).double()
    assert noise.abs().amax(-1) == pytest.approx([0.01] * 4)
    # Sixteen walks of independent steps: between their beginnings, differences are white.
    steps = noise.diff(dim=-1)
    begins = torch.arange(1, 16) * (RATE // 16 + 1) - 1
    within = torch.ones(RATE - 1, dtype=torch.bool)
    within[begins] = False
    assert (steps[:, begins].std() / steps[:, within].std()) > 5
    inside = steps[:, within]
    likeness = (inside[:, 1:] * inside[:, :-1]).mean() / inside.square().mean()
    assert abs(float(likeness)) < 0.02


def test_every_utterance_has_noise_of_its_own():
    noise = applied(torch.zeros(2, RATE), kind="noise", std=0.1)
    assert abs(np.corrcoef(noise.numpy())[0, 1]) < 0.05


@pytest.mark.parametrize("settings", [{}, {"snr": 10, "std": 0.1}, {"snr": 10, "std": None, "peak": 0.1}])
def test_noise_has_one_level(settings):
    with pytest.raises(ValueError, match="exactly one"):
        built(kind="noise", **settings)


@pytest.mark.parametrize(
    ("settings", "band", "kind"),
    [
        ({"below": 4000}, 4000, "low"),
        ({"above": 500, "order": 4}, 500, "high"),
        ({"above": 300, "below": 3400, "order": 3}, [300, 3400], "band"),
    ],
)
def test_the_butterworth_filter_is_scipy_s(settings, band, kind):
    sections = signal.butter(settings.get("order", 6), band, kind, fs=RATE, output="sos")
    expected = signal.sosfilt(sections, speech().double().numpy())
    np.testing.assert_allclose(applied(speech(), kind="filter", **settings).numpy(), expected, atol=1e-6)


@pytest.mark.parametrize(("design", "loss"), [("butterworth", 3.01), ("sinc", 6.02)])
@pytest.mark.parametrize("settings", [{"below": 4000}, {"above": 1000}, {"above": 1000, "below": 4000}])
def test_filters_lose_at_their_edges_what_their_design_says(settings, design, loss):
    impulse = torch.zeros(1, RATE)
    impulse[0, RATE // 2] = 1
    response = decibels(torch.fft.rfft(applied(impulse, kind="filter", design=design, **settings)).abs().square())
    for edge in settings.values():
        assert float(response[0, edge]) == pytest.approx(-loss, abs=0.1)
    assert float(response[0, 2000]) == pytest.approx(0, abs=0.2)
    for outside in [7000] * ("below" in settings) + [100] * ("above" in settings):
        assert float(response[0, outside]) < -25


def test_wake_s_band_pass_is_a_high_pass_at_16_khz():
    passed = applied(speech(), kind="filter", above=300, below=8000, design="sinc")
    torch.testing.assert_close(passed, applied(speech(), kind="filter", above=300, design="sinc"))
    assert torch.equal(applied(speech(), kind="filter", below=8000), speech())


@pytest.mark.parametrize("settings", [{"below": 8001}, {"above": 8000}, {"above": 9000, "below": 9500}])
def test_a_filter_that_does_not_fit_the_rate_is_refused(settings):
    with pytest.raises(InputError, match="keep its edges below 8000 Hz"):
        applied(speech(), kind="filter", **settings)


@pytest.mark.parametrize("settings", [{}, {"above": 400, "below": 300}])
def test_a_filter_has_a_band(settings):
    with pytest.raises(ValueError, match="above"):
        built(kind="filter", **settings)


def test_resampling_keeps_what_is_below_half_the_lower_rate_and_nothing_else():
    for frequency, kept in ((3000, 1), (5000, 0)):
        left = applied(tone(frequency), kind="resampling", rate=8000)[0, 4000:-4000]
        assert float(left.square().mean().sqrt() / (0.5 * 0.5**0.5)) == pytest.approx(kept, abs=0.01)
    there_and_back = applied(tone(3000), kind="resampling", rate=32000)
    torch.testing.assert_close(there_and_back[:, 100:-100], tone(3000)[:, 100:-100], atol=1e-3, rtol=0)


@pytest.mark.parametrize("rate", [44100, 11025, 1000])
def test_resampling_keeps_the_length(rate):
    assert applied(speech(2, 12347), kind="resampling", rate=rate).shape == (2, 12347)


def test_gain_and_echo_are_their_formulas():
    x = speech()
    torch.testing.assert_close(applied(x, kind="gain", factor=1.2), x * 1.2)
    impulse = torch.zeros(1, RATE)
    impulse[0, 100] = 1
    response = applied(impulse, kind="echo", delay=0.1, gain=0.3)
    assert response.nonzero()[:, 1].tolist() == [100, 100 + 1600]
    assert response[0, [100, 1700]].tolist() == pytest.approx([1, 0.3])
    assert torch.equal(applied(x[:, :1000], kind="echo"), x[:, :1000])  # shorter than the delay


def test_the_shush_attack_takes_its_share_of_samples():
    ones = torch.ones(3, RATE)
    start, anywhere = (applied(ones, kind="shush", share=0.01, where=where) for where in ("start", "anywhere"))
    for silenced in (start, anywhere):
        assert (silenced == 0).sum(-1).tolist() == [160] * 3
    assert not start[:, :160].any()
    places = (anywhere == 0).nonzero()[:, 1].reshape(3, 160).double()
    assert places.mean() == pytest.approx(RATE / 2, rel=0.1)
    assert not torch.equal(places[0], places[1])


def test_the_median_is_scipy_s():
    for window in (3, 7):
        expected = np.stack([signal.medfilt(row, window) for row in speech().numpy()])
        np.testing.assert_array_equal(applied(speech(), kind="median", window=window).numpy(), expected)
    with pytest.raises(ValueError, match="odd"):
        built(kind="median", window=4)


@pytest.mark.parametrize("window", [2, 5])
def test_smoothing_is_a_moving_average(window):
    expected = [np.convolve(row, np.ones(window) / window, "same") for row in speech().flip(-1).double().numpy()]
    smooth = applied(speech(), kind="smoothing", window=window).flip(-1)
    np.testing.assert_allclose(smooth.numpy(), np.stack(expected), atol=1e-6)


@pytest.mark.parametrize("deviation", [0.3, 1.0, 2.7])
def test_the_gaussian_filter_is_scipy_s(deviation):
    expected = ndimage.gaussian_filter1d(speech().double().numpy(), deviation, mode="constant")
    np.testing.assert_allclose(applied(speech(), kind="gaussian", deviation=deviation).numpy(), expected, atol=1e-6)


def test_nine_bits_are_512_levels():
    ramp = torch.linspace(-1, 1, 100_000)[None]
    quantised = applied(ramp, kind="quantisation", bits=9)
    assert len(quantised.unique()) == 2**9
    # Half a level, but at the upper end, where two's complement has one level less.
    assert float((quantised - ramp).abs()[:, :-500].max()) <= 2**-9 + 1e-7
    assert float(quantised.max()) == 1 - 2**-8


@pytest.mark.parametrize("pitch_kept", [False, True])
@pytest.mark.parametrize("factor", [0.9, 1.1, 1.25])
def test_speed_changes_the_duration_and_as_a_tape_the_pitch(factor, pitch_kept):
    played = applied(tone(440), kind="speed", factor=factor, pitch_kept=pitch_kept)
    assert played.shape[-1] == round(2 * RATE / factor)
    assert frequency_of(played) == pytest.approx(440 if pitch_kept else 440 * factor, rel=1e-3)


@pytest.mark.parametrize("factor", [0.9, 1.1, 0.84])
def test_pitch_changes_a_tone_s_frequency_and_not_its_duration(factor):
    shifted = applied(tone(440), kind="pitch", factor=factor)
    assert shifted.shape == tone(440).shape
    assert frequency_of(shifted) == pytest.approx(440 * factor, rel=1e-3)


@pytest.mark.parametrize("rt60", [0.2, 0.6])
def test_reverberation_has_its_time_and_its_ratio(rt60):
    room = built(kind="reverberation", rt60=rt60, direct_to_reverberant=3)
    assert isinstance(room, Reverberation)
    responses = room.responses(4, RATE, seeded()).numpy()
    assert [reverberation_time(response) for response in responses] == pytest.approx([rt60] * 4, rel=0.1)
    ratios = 10 * np.log10(responses[:, 0] ** 2 / (responses[:, 1:] ** 2).sum(-1))
    assert ratios == pytest.approx(np.full(4, 3.0), abs=1e-3)


def test_the_direct_sound_of_a_room_keeps_its_place():
    impulse = torch.zeros(1, RATE)
    impulse[0, 1000] = 1
    heard = applied(impulse, kind="reverberation")[0]
    assert heard[:1000].abs().max() < 1e-5
    assert float(heard[1000]) == pytest.approx(1, abs=1e-5)
    assert int(heard.abs().argmax()) == 1000
    x = speech(1, 4 * RATE)
    assert lag(x[0].numpy(), applied(x, kind="rerecording")[0].numpy()) in (0, 1, 2)  # of the causal filter


@pytest.mark.parametrize(("dimensions", "rt60"), [((5.0, 4.0, 3.0), 0.3), ((8.0, 6.0, 3.0), 0.5)])
def test_a_simulated_room_has_its_reverberation_time(dimensions, rt60):
    response = acoustics.room_response(dimensions, rt60, 1.0, RATE)
    assert reverberation_time(response) == pytest.approx(rt60, rel=0.05)
    assert response[0] == 1 and np.abs(response).max() == 1


@pytest.mark.parametrize(
    ("settings", "message"),
    [({"distance": 6}, "no place 6 m from its loudspeaker"), ({"rt60": 0.1}, "no walls give a room of 5 × 4 × 3 m")],
)
def test_a_room_that_cannot_be_is_refused(settings, message):
    with pytest.raises(InputError, match=message):
        applied(speech(), kind="rerecording", **settings)


def test_a_recording_has_the_band_and_the_noise_of_its_microphone():
    noise = applied(torch.ones(1, RATE) * 1e-3, kind="rerecording", snr=-20)
    density = signal.welch(noise.numpy()[0], RATE, nperseg=1024)[1]
    level = 10 * np.log10(density / density[128])  # 2 kHz
    assert level[1] < -20 and level[-1] < -6
    assert applied(speech(1, 8000, 8000), 8000, kind="rerecording").shape == (1, 8000)


def test_what_a_crop_keeps_is_a_piece():
    x = torch.arange(100.0).expand(4, 100)
    for where, first in (("start", 0), ("middle", 10), ("end", 20)):
        assert torch.equal(applied(x, kind="cropping", kept=0.8, where=where)[0], torch.arange(first, first + 80.0))
    pieces = applied(x, kind="cropping", kept=0.8)
    assert torch.equal(pieces.diff(dim=-1), torch.ones(4, 79))
    assert len(pieces[:, 0].unique()) > 1


@pytest.mark.parametrize(("seconds", "samples"), [(0.001, 16), (-0.002, -32), (0, 0), (5, RATE)])
def test_a_shift_moves_an_utterance(seconds, samples):
    x = speech()
    shifted = applied(x, kind="time_shift", least=seconds, most=seconds)
    expected = torch.zeros_like(x)
    if samples < 0:
        expected[:, :samples] = x[:, -samples:]
    else:
        expected[:, samples:] = x[:, : RATE - samples]
    assert torch.equal(shifted, expected)


def test_shifts_are_drawn_between_two():
    impulse = torch.zeros(200, RATE)
    impulse[:, 8000] = 1
    places = applied(impulse, kind="time_shift", least=-0.01, most=0.02).argmax(-1) - 8000
    assert -160 <= int(places.min()) < -120 and 280 < int(places.max()) <= 320
    with pytest.raises(ValueError, match="more than `most`"):
        built(kind="time_shift", least=1, most=0)


@pytest.mark.parametrize(("level", "expected"), [(-6, -16.5), (-12, -18), (-30, -30)])
def test_the_compressor_s_levels(level, expected):
    # A square wave, whose level is the same at all times: T + (L − T) / ratio above the threshold T of −20 dB.
    square = 10 ** (level / 20) * torch.sign(tone(250) + 1e-4)
    settled = applied(square, kind="compressor", threshold=-20, ratio=4)[:, RATE:]
    assert float(decibels(settled.square().mean())) == pytest.approx(expected, abs=0.05)


# Codecs.


@pytest.mark.parametrize("rate", [8000, 16000, 22050, 44100])
@pytest.mark.parametrize("form", ["mp3", "aac", "opus", "vorbis"])
def test_a_codec_moves_no_sample(form, rate):
    strength = {"quality": 0.5} if form == "vorbis" else {"bit_rate": 32}
    x = speech(1, rate - 7, rate)
    coded = applied(x, rate, kind="codec", format=form, **strength)
    assert coded.shape == x.shape
    before, after = x[0].numpy(), coded[0].numpy()
    assert lag(before, after) == 0
    assert np.corrcoef(before, after)[0, 1] > 0.85


@pytest.mark.parametrize("form", ["mp3", "aac", "opus"])
@pytest.mark.parametrize("bit_rate", [16, 32])
def test_a_codec_has_its_bit_rate(form, bit_rate):
    seconds = 20
    size = len(coding.encode(speech(1, seconds * RATE)[0].numpy(), RATE, form, bit_rate))
    assert size * 8 / seconds / 1000 == pytest.approx(bit_rate, rel=0.15)


@pytest.mark.parametrize("form", ["mp3", "aac", "opus"])
def test_more_bits_or_quality_are_nearer(form):
    x = speech()
    errors = [
        float((applied(x, kind="codec", format=form, bit_rate=rate) - x).square().mean()) for rate in (16, 32, 64)
    ]
    assert errors == sorted(errors, reverse=True)


def test_more_quality_of_vorbis_is_nearer():
    x = speech()
    errors = [float((applied(x, kind="codec", format="vorbis", quality=q) - x).square().mean()) for q in (0, 0.5, 1)]
    assert errors == sorted(errors, reverse=True)


@pytest.mark.parametrize(
    "settings",
    [{"format": "mp3"}, {"format": "vorbis", "bit_rate": 32}, {"format": "aac", "bit_rate": 8, "quality": 1}],
)
def test_a_codec_has_the_measure_that_it_takes(settings):
    with pytest.raises(ValueError, match="needs `"):
        built(kind="codec", **settings)


def test_a_missing_encoder_is_told_with_what_to_install(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "av", None)
    with pytest.raises(InputError, match="pip install av"):
        applied(speech(), kind="codec", format="aac", bit_rate=32)


# What all have in common.


def test_the_papers_lists_are_complete():
    assert len(WAKE) == 9 and len(PKDMARK) == 14
    assert set(WAKE) | set(PKDMARK) < set(ENTRIES)
    assert {settings["kind"] for settings in ENTRIES.values()} == set(plugins.kinds("distortions"))


@pytest.mark.parametrize("name", ENTRIES)
def test_settings_survive_as_text(name):
    distortion = built(**ENTRIES[name])
    assert from_text(to_text(distortion)) == distortion


@pytest.mark.parametrize("name", ENTRIES)
def test_the_generator_decides(name):
    x = speech()
    distortion = built(**ENTRIES[name])
    first, again, other = (distortion.apply(x, RATE, seeded(seed)) for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert torch.equal(first, other) != (ENTRIES[name]["kind"] in DRAWN or name in ANYWHERE)


@pytest.mark.parametrize("name", [n for n in ENTRIES if ENTRIES[n]["kind"] not in DRAWN and n not in ANYWHERE])
def test_rows_of_a_batch_do_not_touch(name):
    x = speech(3, 4000)
    distortion = built(**ENTRIES[name])
    alone = torch.cat([distortion.apply(row[None], RATE, seeded()) for row in x])
    torch.testing.assert_close(distortion.apply(x, RATE, seeded()), alone, atol=1e-5, rtol=0)


@pytest.mark.parametrize("name", ENTRIES)
def test_the_given_audio_stays_as_it_is(name):
    x = speech(2, 4000)
    before = x.clone()
    distorted(built(**ENTRIES[name]), x, RATE, seeded())
    assert torch.equal(x, before)


@pytest.mark.parametrize("name", ENTRIES)
def test_silent_and_short_audio_stays_finite(name):
    distortion = built(**ENTRIES[name])
    for samples in (1, 2, 50, 3000):
        for x in (torch.zeros(2, samples), torch.full((2, samples), 0.5)):
            x.requires_grad_()
            y = distorted(distortion, x, RATE, seeded())
            assert y.shape == x.shape and y.isfinite().all()
            y.square().sum().backward()
            assert x.grad is not None and x.grad.isfinite().all()
            if (
                # Noise of a level of its own is there in silence, too.
                not {"std", "peak"} & set(ENTRIES[name]) and not x.any() and ENTRIES[name]["kind"] != "codec"
            ):
                assert not y.any()  # silence stays silent


@pytest.mark.parametrize("name", ENTRIES)
def test_gradients_pass(name):
    distortion = built(**ENTRIES[name])
    x = speech(2, 4000).requires_grad_()
    weights = torch.randn(2, 4000, generator=seeded(5))
    (distorted(distortion, x, RATE, seeded()) * weights).sum().backward()
    assert x.grad is not None and x.grad.isfinite().all()
    if not distortion.differentiable:
        assert torch.equal(x.grad, weights)  # as if it did nothing
        return
    assert (x.grad != 0).double().mean() > 0.5
    # The derivative along a direction, by central differences.
    direction, step = torch.randn(2, 4000, generator=seeded(6)) * 0.1, 1e-2
    with torch.no_grad():
        ahead, behind = (
            (distorted(distortion, x + sign * step * direction, RATE, seeded()).double() * weights).sum()
            for sign in (1, -1)
        )
    if name not in INEXACT:
        expected = float(ahead - behind) / (2 * step)
        assert float((x.grad.double() * direction).sum()) == pytest.approx(expected, rel=1e-2, abs=1e-2)


@pytest.mark.parametrize("name", [*CODECS, "quantisation", "compressor"])
def test_what_passes_gradients_straight_through_is_exactly_what_was_made(name):
    distortion = built(**ENTRIES[name])
    x = speech(2, 4000)
    made = distorted(distortion, x.clone().requires_grad_(), RATE, seeded())
    assert torch.equal(made.detach(), distortion.apply(x, RATE, seeded()))


def test_the_length_is_kept_in_the_middle():
    ramp = torch.arange(1.0, 101.0)[None]
    kept = distorted(built(kind="cropping", kept=0.5, where="start"), ramp, RATE, seeded())
    expected = torch.zeros(1, 100)
    expected[0, 25:75] = torch.arange(1.0, 51.0)
    assert torch.equal(kept, expected)
    x = speech(1)
    slow = applied(x, kind="speed", factor=0.9)
    assert torch.equal(distorted(built(kind="speed", factor=0.9), x, RATE, seeded()), slow[:, 889 : 889 + RATE])


def test_no_distortion_is_the_identity():
    identities = [name for name in ENTRIES if built(**ENTRIES[name]).is_identity]
    assert identities == ["undistorted"]
    assert torch.equal(applied(speech(), kind="none"), speech())
