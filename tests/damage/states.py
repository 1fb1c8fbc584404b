"""Random state dicts, as torch may have them: every dtype, views of every kind, shared storages, nested dicts, odd names."""
import collections
import random

import torch

DTYPES = [torch.float32, torch.float64, torch.float16, torch.bfloat16, torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8,
          torch.bool, torch.uint16, torch.uint32, torch.uint64, torch.complex64, torch.complex128, torch.float8_e4m3fn, torch.float8_e5m2,
          torch.float8_e4m3fnuz, torch.float8_e5m2fnuz, torch.float8_e8m0fnu]
LETTERS = "abcxyz_.019 -/\\\"'\u00e9\u4e2d\U0001f600\t"


def bytes_of(tensor):
    whole = tensor.detach().contiguous()
    return whole.as_strided((whole.numel(),), (1,)).view(torch.uint8).numpy().tobytes()  # of one element, flat is not enough


class Maker:
    def __init__(self, seed, dtypes=DTYPES):
        self.random, self.dtypes, self.bases = random.Random(seed), dtypes, []

    def name(self):
        """Some plain, some not; none that an author of a checkpoint gave a meaning to."""
        if self.random.random() < 0.7:
            return f"layers.{self.random.randrange(40)}.{self.random.choice('abcdefgh')}.weight"
        text = "".join(self.random.choice(LETTERS) for _ in range(self.random.choice((1, 3, 12, 150))))
        return "_" + text.strip(".") + "_"

    def shape(self, most=6):
        return [self.random.choice((0, 1, 1, 2, 3, most)) if self.random.random() < 0.3 else self.random.randrange(1, most + 1)
                for _ in range(self.random.randrange(0, 5))]

    def whole(self, shape, dtype=None):
        """Random bits: NaNs with any payload, infinities, subnormals. (A bool is 0 or 1.)"""
        dtype = dtype or self.random.choice(self.dtypes)
        count = 1
        for n in shape:
            count *= n
        bits = self.random.randbytes(count * dtype.itemsize)
        if dtype == torch.bool:
            bits = bytes(b & 1 for b in bits)
        flat = torch.frombuffer(bytearray(bits), dtype=torch.uint8).view(dtype) if bits else torch.empty(0, dtype=dtype)
        return flat.reshape(shape)

    def view(self):
        """Of a storage of its own or one that is there."""
        if not self.bases or self.random.random() < 0.6:
            self.bases.append(self.whole([self.random.choice((12, 60, 504))]))
        base = self.random.choice(self.bases)
        count, pick = base.numel(), self.random.randrange(6)
        if pick == 0:
            return base.view(3, -1).t()
        if pick == 1:
            return base[self.random.randrange(count):][::self.random.randrange(1, 4)]
        if pick == 2:
            return base[count - 1].expand(2, 3)
        if pick == 3:
            return base.view(2, 3, -1).permute(2, 0, 1)[1:]
        if pick == 4:
            return base.as_strided((3, 4), (1, 2), self.random.randrange(2))
        return base[count // 2:count // 2]

    def tensor(self):
        pick = self.random.random()
        made = self.whole(self.shape()) if pick < 0.5 else self.view()
        if made.dtype.is_floating_point and pick % 0.1 < 0.02:
            return torch.nn.Parameter(made, requires_grad=made.dtype in (torch.float32, torch.bfloat16))
        return made

    def beside(self):
        """What stands in a state dict and is no tensor."""
        return self.random.choice((None, 3, -1.5, "text", True, 2**70, [1, "a"], (1, 2), b"bytes", {"k": 1}, collections.OrderedDict()))

    def dict(self, depth=0):
        made = self.random.choice((dict, collections.OrderedDict))()
        for _ in range(self.random.randrange(0 if depth else 1, 7)):
            pick = self.random.random()
            value = self.dict(depth + 1) if pick < 0.1 and depth < 4 else self.beside() if pick < 0.2 else self.tensor()
            made.setdefault(self.name(), value)
        return made


def flat(state, prefix=""):
    for key, value in state.items():
        if torch.is_tensor(value):
            yield prefix + key, value
        elif isinstance(value, dict):
            yield from flat(value, prefix + key + ".")


def state(seed, dtypes=DTYPES):
    """A dict and its tensors by their joined names, which are unique."""
    for turn in range(100):
        made = Maker(f"{seed}/{turn}", dtypes).dict()
        names = [name for name, _ in flat(made)]
        if names and len(set(names)) == len(names):
            return made, dict(flat(made))


def plain_state(seed, dtypes):
    """Contiguous tensors by names without dots that would nest."""
    maker = Maker(f"{seed}/plain", dtypes)
    return {maker.name(): maker.whole(maker.shape()).clone() for _ in range(maker.random.randrange(1, 12))}
