"""
PyTorch and transformers as an engine (tasks.ts): a task is read from the first line of standard input, a request for a turn
from each further one.

Training is of a model of Descent's shape, written as PyTorch is commonly written: attention and the optimizer's update are
the fused operators that PyTorch has. Decoding is transformers' own.
"""

import json
import os
import sys
import time
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from torch import nn


def main():
    # Whatever else is printed is no answer.
    answers, sys.stdout = sys.stdout, sys.stderr
    torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
    torch.set_num_interop_threads(1)
    torch.manual_seed(1)
    task = json.loads(sys.stdin.readline())
    work = {"training": training, "decoding": decoding, "product": product}[task["task"]](task)
    for line in sys.stdin:
        print(json.dumps(take(work, json.loads(line)["repeats"])), file=answers, flush=True)


def take(work, repeats):
    start, cpu = time.perf_counter(), time.process_time()
    for _ in range(repeats):
        result = work()
    seconds, cpu_seconds = time.perf_counter() - start, time.process_time() - cpu
    return {"seconds": seconds / repeats, "cpuSeconds": cpu_seconds / repeats, "result": result}


def training(task):
    config = json.loads(Path(task["model"], "config.json").read_text())
    model = Llama(config)
    model.load_state_dict(load_file(Path(task["model"], "model.safetensors")))
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4, betas=(0.9, 0.95), weight_decay=0.1, fused=True)
    loss_of = torch.compile(model) if task["mode"] == "compiled" else model
    tokens, targets = torch.tensor(task["tokens"]), torch.tensor(task["targets"])

    def update():
        with torch.autocast("cpu", torch.bfloat16, enabled=task["precision"] == "bfloat16"):
            loss = loss_of(tokens, targets)
        loss.backward()
        norm = nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
        norm.item()
        return [loss.item()]

    return update


def decoding(task):
    from transformers import LlamaForCausalLM

    model = LlamaForCausalLM.from_pretrained(task["model"], dtype=torch.float32).eval()
    prompts = torch.tensor(task["prompts"])
    options = {"max_new_tokens": task["length"], "do_sample": False, "use_cache": True}

    def generate():
        written = model.generate(prompts, attention_mask=torch.ones_like(prompts), **options)
        return written[:, prompts.shape[1] :].flatten().tolist()

    return generate


def product(task):
    shape, dtype = (task["size"], task["size"]), getattr(torch, task["precision"])
    a, b = (torch.rand(shape).to(dtype) for _ in range(2))
    return lambda: [(a @ b)[0, 0].item()]


class Llama(nn.Module):
    """The mean loss of predicting targets [B, T] from tokens [B, T]. Parameters have Hugging Face's names."""

    def __init__(self, config):
        super().__init__()
        self.model = Backbone(config)
        self.lm_head = nn.Linear(config["hidden_size"], config["vocab_size"], bias=False)

    def forward(self, tokens, targets):
        logits = self.lm_head(self.model(tokens))
        return F.cross_entropy(logits.flatten(0, 1).float(), targets.flatten())


class Backbone(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.embed_tokens = nn.Embedding(config["vocab_size"], config["hidden_size"])
        self.layers = nn.ModuleList(Block(config) for _ in range(config["num_hidden_layers"]))
        self.norm = norm_of(config)
        cos, sin = rotary_table(config)
        self.register_buffer("cos", cos, persistent=False)
        self.register_buffer("sin", sin, persistent=False)

    def forward(self, tokens):
        time = tokens.shape[1]
        x = self.embed_tokens(tokens)
        for layer in self.layers:
            x = layer(x, self.cos[:time], self.sin[:time])
        return self.norm(x)


class Block(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.input_layernorm = norm_of(config)
        self.self_attn = Attention(config)
        self.post_attention_layernorm = norm_of(config)
        self.mlp = FeedForward(config)

    def forward(self, x, cos, sin):
        x = x + self.self_attn(self.input_layernorm(x), cos, sin)
        return x + self.mlp(self.post_attention_layernorm(x))


class Attention(nn.Module):
    """Grouped-query attention with rotary embeddings."""

    def __init__(self, config):
        super().__init__()
        hidden, heads, kv_heads = (config[n] for n in ("hidden_size", "num_attention_heads", "num_key_value_heads"))
        self.head_size = hidden // heads
        self.grouped = heads != kv_heads
        self.q_proj = nn.Linear(hidden, hidden, bias=False)
        self.k_proj = nn.Linear(hidden, kv_heads * self.head_size, bias=False)
        self.v_proj = nn.Linear(hidden, kv_heads * self.head_size, bias=False)
        self.o_proj = nn.Linear(hidden, hidden, bias=False)

    def forward(self, x, cos, sin):
        q = rotate(self.heads_of(self.q_proj(x)), cos, sin)
        k = rotate(self.heads_of(self.k_proj(x)), cos, sin)
        v = self.heads_of(self.v_proj(x))
        o = F.scaled_dot_product_attention(q, k, v, is_causal=True, enable_gqa=self.grouped)
        return self.o_proj(o.transpose(1, 2).flatten(2))

    def heads_of(self, x):
        """[B, T, heads * head size] as [B, heads, T, head size]."""
        return x.unflatten(2, (-1, self.head_size)).transpose(1, 2)


class FeedForward(nn.Module):
    """SwiGLU."""

    def __init__(self, config):
        super().__init__()
        hidden, width = config["hidden_size"], config["intermediate_size"]
        self.gate_proj = nn.Linear(hidden, width, bias=False)
        self.up_proj = nn.Linear(hidden, width, bias=False)
        self.down_proj = nn.Linear(width, hidden, bias=False)

    def forward(self, x):
        return self.down_proj(F.silu(self.gate_proj(x)) * self.up_proj(x))


def norm_of(config):
    return nn.RMSNorm(config["hidden_size"], eps=config["rms_norm_eps"])


def rotary_table(config):
    """Cosines and sines, [context, head size], in the half-split convention."""
    head_size = config["hidden_size"] // config["num_attention_heads"]
    frequencies = config["rope_theta"] ** (-torch.arange(0, head_size, 2, dtype=torch.float64) / head_size)
    angles = torch.outer(torch.arange(config["max_position_embeddings"], dtype=torch.float64), frequencies).repeat(1, 2)
    return angles.cos().float(), angles.sin().float()


def rotate(x, cos, sin):
    first, second = x.chunk(2, dim=-1)
    return x * cos.to(x.dtype) + torch.cat((-second, first), dim=-1) * sin.to(x.dtype)


main()
