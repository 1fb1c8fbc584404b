"""Goldens of mistral.yaml: llama with a window. Megatron counts the tokens before, transformers the token itself too."""
import pathlib

from llama.golden import alone, case, refused, usual
from megatron import Mesh

HERE = pathlib.Path(__file__).parent
CENSUS = HERE / "census.json"


def window(name, here, back, args):
    """`here` and `back`: what config.json says of it, nothing at all or null too."""
    one = case(name, Mesh(), CENSUS, more={"window_size": args})
    one.config, one.returned = ({**{k: v for k, v in keys.items() if k != "sliding_window"}, **said} for keys, said in
                                ((one.config, here), (one.returned, back)))
    return one


def cases():
    yield from usual(CENSUS, more={"window_size": [15, 0]})
    yield window("no window", {"sliding_window": None}, {"sliding_window": None}, None)
    yield window("the window of a silent config.json", {}, {"sliding_window": 4096}, [4095, 0])
    own = alone("mistral", CENSUS, more={"window_size": [15, 0]}, said={"window_size": (31, 0)})
    own.returned["sliding_window"] = 32
    yield own
    yield refused("another head", CENSUS, architectures=["MistralForSequenceClassification"])
