"""What verl's and vLLM's own parsers make of jobs, as JSON: `python verl_parsers.py <sampler.py> <run.json>...`, in the environment of the engine."""

import asyncio
import contextlib
import json
import sys
from pathlib import Path

from hydra import compose, initialize_config_module
from omegaconf import OmegaConf

with contextlib.redirect_stdout(sys.stderr):
    import torch
    from verl.trainer.ppo.reward import get_custom_reward_fn
    from verl.trainer.ppo.utils import need_critic, need_reference_policy
    from verl.trainer.ppo.v1 import replay_buffer
    from verl.utils.config import omega_conf_to_dataclass, validate_config
    from verl.utils.dataset.rl_dataset import RLHFDataset
    from verl.utils.import_utils import load_extern_type
    from verl.utils.torch_functional import get_cosine_schedule_with_warmup
    from vllm.platforms import current_platform
    from verl.workers.rollout.vllm_rollout.vllm_async_server import AsyncEngineArgs, vLLMHttpServer


def checked(options: list[str]) -> dict:
    """verl's configuration of these options, as its dataclasses have it, and what vLLM reads of it."""
    with initialize_config_module("verl.trainer.config", version_base=None):
        config = compose("ppo_trainer", [*options, "trainer.n_gpus_per_node=2"])
    validate_config(config, need_reference_policy(config), need_critic(config))
    actor = omega_conf_to_dataclass(config.actor_rollout_ref.actor)
    algorithm = omega_conf_to_dataclass(config.algorithm)
    model = omega_conf_to_dataclass(config.actor_rollout_ref.model)
    rollout = omega_conf_to_dataclass(config.actor_rollout_ref.rollout)
    critic = omega_conf_to_dataclass(config.critic) if need_critic(config) else None
    prompts = RLHFDataset(str(config.data.train_files), model.tokenizer, config.data)
    asked = [prompts[place] for place in range(len(prompts))]
    score = get_custom_reward_fn(config)
    reward = lambda place, text: score(data_source="", solution_str=text, ground_truth=place, extra_info={})["score"]
    return {
        "estimator": algorithm.adv_estimator,
        "normalised": algorithm.norm_adv_by_std_in_grpo,
        "klInReward": algorithm.use_kl_in_reward,
        "reference": need_reference_policy(config),
        "miniBatch": actor.ppo_mini_batch_size,
        "precision": [actor.engine.mixed_precision["param_dtype"], actor.engine.model_dtype],
        "clip": [actor.clip_ratio_low, actor.clip_ratio_high, actor.clip_ratio_c, actor.optim.clip_grad],
        "klLoss": [actor.use_kl_loss, actor.kl_loss_type, actor.kl_loss_coef],
        "aggregation": actor.loss_agg_mode,
        "critic": None if critic is None else [critic.optim.lr, critic.cliprange_value],
        "rates": rates(actor.optim, config.trainer.total_training_steps),
        "filtered": algorithm.filter_groups.enable,
        "vllm": engine_arguments(rollout, model),
        "prompts": [
            model.tokenizer.apply_chat_template(
                list(each["raw_prompt"]), add_generation_prompt=True, tokenize=True, return_dict=False
            )
            for each in asked
        ],
        "problems": [each["reward_model"]["ground_truth"] for each in asked],
        "rewards": [reward("0", "answer is yes"), reward("0", "answer is no"), reward("0", "ne'er \U0001f600 {\n")],
    }


def rates(optim, steps: int) -> list[float]:
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=optim.lr)
    how = {"min_lr_ratio": optim.min_lr_ratio, "zero_indexed_step": optim.zero_indexed_step}
    schedule = get_cosine_schedule_with_warmup(optimizer, optim.lr_warmup_steps, steps, **how)
    found = []
    for _ in range(steps):
        found.append(schedule.get_last_lr()[0])
        optimizer.step()
        schedule.step()
    return found


def engine_arguments(rollout, model) -> dict:
    """What vLLM's command line reads of what verl's server starts it with; nothing is started."""
    server = object.__new__(vLLMHttpServer)
    nothing = {"_disaggregation_role": "null", "profiler_controller": None, "replica_rank": 0, "node_rank": 0, "nnodes": 1}
    vars(server).update(nothing, config=rollout, model_config=model, gpus_per_node=2, workers=[0])
    server._should_profile = lambda: False
    read = {}
    type(current_platform).device_type = "cuda"  # the parser's defaults ask which there is

    async def run_server(args):
        read.update(vars(AsyncEngineArgs.from_cli_args(args)))

    server.run_server = run_server
    asyncio.run(server.launch_server())
    names = ["model", "dtype", "max_model_len", "gpu_memory_utilization", "tensor_parallel_size", "seed"]
    return {name: read[name] for name in names}


class Queue:
    """A queue in which each prompt that is asked for is at once a finished group, whose rewards are `rewards(n)` of the n-th."""

    def __init__(self, rewards):
        self.rewards, self.items, self.asked = rewards, {}, 0

    def refill(self, count):
        for _ in range(count):
            self.items[f"g{self.asked}"] = {"is_prompt": True, "status": "finished", "global_steps": 1}
            for place, reward in enumerate(self.rewards(self.asked)):
                self.items[f"g{self.asked}_{place}_0"] = {"acc": reward}
            self.asked += 1

    def kv_list(self, *_):
        return {"train": self.items}

    def kv_batch_get(self, keys, **_):
        return {"extra_fields": [{"reward_extra_info": self.items[key]} for key in keys]}

    def kv_clear(self, keys, **_):
        for key in keys:
            self.items.pop(key, None)


def sampled(path: str, rewards) -> tuple[int, list[str]]:
    """How many groups of two are asked for, and which are learned from, where a batch is 4 and samplings are at most 3."""
    replay_buffer.tq = queue = Queue(rewards)
    buffer = load_extern_type(path, "Bounded")(
        trainer_mode="sync",
        trainer_config=OmegaConf.create({}),
        max_off_policy_threshold=8,
        max_off_policy_strategy="drop",
        sampler_kwargs=OmegaConf.create({"batch": 4, "max_samplings": 3}),
        refill_fn=queue.refill,
        poll_interval=0.01,
    )
    queue.refill(4)
    batch, _ = buffer.sample(1, "train", 4)
    return queue.asked, sorted({key.split("_")[0] for key in batch.keys})


with contextlib.redirect_stdout(sys.stderr):
    runs = [json.loads(Path(path).read_text())["options"] for path in sys.argv[2:]]
    found = {"jobs": [checked(options) for options in runs]}
    try:
        checked([*runs[0], "actor_rollout_ref.actor.clip_ration=0.1"])
    except Exception as error:
        found["misspelt"] = f"{type(error).__name__}: {error}"
    found["sampled"] = [sampled(sys.argv[1], rewards) for rewards in (lambda n: [0, n % 2], lambda n: [0, 1], lambda n: [1, 1])]
print(json.dumps(found))
