"""What transformers makes of a model's folder, for transformers.test.ts. JSON comes in and goes out.

    python open_model.py open FOLDER < {"texts": [...]}
    python open_model.py judge FOLDER < {"pairs": [["prompt", "response"]]}
    python open_model.py save FOLDER < {"texts": [...], "vocab": n, "tied": bool, "dtype": "bfloat16", "shard": "40KB"}
"""

import json
import sys

import torch
from tokenizers import Tokenizer, decoders, models, normalizers, processors, trainers
from transformers import (
    AutoModelForCausalLM,
    AutoModelForSequenceClassification,
    AutoTokenizer,
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedTokenizerFast,
)


def told(folder, texts):
    """Opens a folder as anybody would, computes in float32, and tells what it found."""
    model, info = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, output_loading_info=True)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    rows = [tokenizer(text, add_special_tokens=False)["input_ids"] for text in texts]
    batch = tokenizer(texts, add_special_tokens=False, return_tensors="pt", padding=True)
    with torch.no_grad():
        logits = [model(torch.tensor([row])).logits[0].tolist() for row in rows]
        written = model.generate(**batch, max_new_tokens=8, do_sample=False)
    return {
        "missing": sorted(info["missing_keys"]),
        "unexpected": sorted(info["unexpected_keys"]),
        "mismatched": sorted(info["mismatched_keys"]),
        "rows": rows,
        "whole": [tokenizer(text)["input_ids"] for text in texts],
        "decoded": [tokenizer.decode(row) for row in rows],
        "logits": logits,
        "inputs": sorted(batch.keys()),
        "left": [row[0] == 0 for row in batch["attention_mask"].tolist()],
        "written": [row[batch["input_ids"].shape[1] :] for row in written.tolist()],
        "eos": tokenizer.eos_token_id,
        "generationEos": model.generation_config.eos_token_id,
        "longest": tokenizer.model_max_length,
        "parameters": model.num_parameters(),
    }


def judged(folder, pairs):
    """The scores that a reward model gives responses to prompts, each by itself and side by side."""
    model, info = AutoModelForSequenceClassification.from_pretrained(
        folder, dtype=torch.float32, output_loading_info=True
    )
    tokenizer = AutoTokenizer.from_pretrained(folder)
    chats = [[{"role": "user", "content": a}, {"role": "assistant", "content": b}] for a, b in pairs]
    batch = tokenizer.apply_chat_template(chats, return_tensors="pt", return_dict=True, padding=True)
    alone = [tokenizer.apply_chat_template([chat], return_tensors="pt", return_dict=True) for chat in chats]
    with torch.no_grad():
        return {
            "missing": sorted(info["missing_keys"]),
            "unexpected": sorted(info["unexpected_keys"]),
            "mismatched": sorted(info["mismatched_keys"]),
            "rows": [row["input_ids"][0].tolist() for row in alone],
            "scores": [model(**row).logits[0, 0].item() for row in alone],
            "together": model(**batch).logits[:, 0].tolist(),
        }


def llama_tokenizer(texts, vocab):
    """A tokenizer as LLaMA-2 has it: spaces as words' first letters, bytes for what is not known, <s> and </s>."""
    learned = Tokenizer(models.BPE())
    spaces = normalizers.Sequence([normalizers.Prepend("\u2581"), normalizers.Replace(" ", "\u2581")])
    learned.normalizer = spaces
    first = ["<unk>", "<s>", "</s>"] + [f"<0x{byte:02X}>" for byte in range(256)]
    words = [word for text in texts for word in text.split(" ")]
    learned.train_from_iterator(words, trainers.BpeTrainer(vocab_size=vocab - len(first), show_progress=False))
    model = json.loads(learned.to_str())["model"]
    names = first + sorted(model["vocab"], key=model["vocab"].get)
    tokenizer = Tokenizer(
        models.BPE(
            vocab={name: id for id, name in enumerate(names)},
            merges=[tuple(merge) for merge in model["merges"]],
            unk_token="<unk>",
            byte_fallback=True,
            fuse_unk=True,
        )
    )
    tokenizer.normalizer = spaces
    tokenizer.decoder = decoders.Sequence(
        [decoders.Replace("\u2581", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    )
    tokenizer.post_processor = processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 1)])
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token="<s>",
        eos_token="</s>",
        unk_token="<unk>",
        pad_token="<unk>",
        padding_side="left",
    )


def save(folder, texts, vocab, tied, dtype, shard):
    """A small LLaMA with random weights, in files of at most `shard`."""
    torch.manual_seed(7)
    config = LlamaConfig(
        vocab_size=vocab,
        hidden_size=32,
        intermediate_size=48,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=64,
        rms_norm_eps=1e-5,
        initializer_range=0.2,
        tie_word_embeddings=tied,
        bos_token_id=1,
        eos_token_id=2,
    )
    model = LlamaForCausalLM(config).to(getattr(torch, dtype))
    model.save_pretrained(folder, max_shard_size=shard)
    llama_tokenizer(texts, vocab).save_pretrained(folder)


def main():
    command, folder = sys.argv[1:]
    given = json.load(sys.stdin)
    if command == "save":
        save(folder, **given)
        given = {"texts": given["texts"]}
    json.dump((judged if command == "judge" else told)(folder, **given), sys.stdout)


main()
