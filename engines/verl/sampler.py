"""verl's buffer of responses under dynamic sampling, with a bound to it: verl 0.9.1 samples further groups without one."""

from verl.trainer.ppo.v1.replay_buffer import ReplayBuffer


class Bounded(ReplayBuffer):
    """Of a round at most (maxSamplings - 1) batches of groups without a signal are replaced; further ones stay in it."""

    def __init__(self, sampler_kwargs, **more):
        batch = sampler_kwargs["batch"]
        super().__init__(
            sampler_kwargs=sampler_kwargs, filter_groups_metric="acc", train_batch_size=batch, gen_batch_size=1, **more
        )
        self.most = (sampler_kwargs["max_samplings"] - 1) * batch
        self.round, self.replaced = None, 0

    def _terminal_eviction_reasons(self, global_steps, partition_id):
        stale, equal, failed, counts = super()._terminal_eviction_reasons(global_steps, partition_id)
        if self.round != global_steps:
            self.round, self.replaced = global_steps, 0
        equal = set(sorted(equal)[: self.most - self.replaced])
        self.replaced += len(equal)
        return stale, equal, failed, counts
