"""Goldens of mistral.yaml: llama with a window. Megatron counts the tokens before, transformers the token itself too."""
import pathlib

from llama.golden import alone, case, refused, usual
from megatron import Mesh

HERE = pathlib.Path(__file__).parent
CENSUS = HERE / "census.json"


def without_window(sliding_window):
    """None, or longer than the context: the way back names the context, for silence would mean 4096."""
    one = case(f"window {sliding_window}", Mesh(), CENSUS, more={"window_size": None}, sliding_window=sliding_window)
    one.returned = {**one.returned, "sliding_window": 64}
    return one


def cases():
    yield from usual(CENSUS, more={"window_size": [15, 0]})
    yield without_window(None)
    yield without_window(64)
    own = alone("mistral", CENSUS, more={"window_size": [15, 0]}, said={"window_size": (31, 0)})
    own.returned["sliding_window"] = 32
    yield own
    yield refused("another head", CENSUS, architectures=["MistralForSequenceClassification"])
