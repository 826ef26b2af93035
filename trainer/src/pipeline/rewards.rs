//! From completions to scores: the trainer's side of the sandbox.

use crate::config::{Config, RewardConfig, UnifyStrategy};
use crate::data::Row;
use crate::processor::{Content, Part, Tokenizer};
use crate::rollout::{Completion, FinishReason};
use crate::{Error, Result};
use rlhost_host::files::{COMPONENT, read_given};
use rlhost_host::{
    Allow, ContentPart, Digest, Host, HostBuilder, Image, LimitSettings, Limits, Message, Reward,
    RewardSet, Sample, Scope, Scorer,
};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::path::Path;

/// Loads the plugins of all `[reward.NAME]` tables into the host that `host` describes; its limits are
/// set here.
pub fn load_rewards(config: &Config, host: HostBuilder) -> Result<RewardSet> {
    let host = reward_host(config, host)?;
    let mut rewards = Vec::new();
    for (name, table) in &config.reward {
        let plugin = host.load_with(table.plugin.as_str(), &reward_limits(table))?;
        let params = hosts(name, "params", &table.params)?;
        let allow: Allow = hosts(name, "allow", &table.allow)?;
        let grants = allow
            .grants(&host)
            .map_err(|e| Error::Config(format!("reward.{name}.{e}")))?;
        let scorer = Scorer::with_grants(&plugin, &params, plugin.limits(), grants)?;
        scorer
            .check_params()
            .map_err(|e| Error::Config(format!("reward.{name}: {e}")))?;
        rewards.push(Reward {
            name: name.clone(),
            scorer,
            weight: table.weight,
            on_failure: hosts(name, "on_failure", &table.on_failure)?,
            when: hosts(name, "when", &table.when)?,
        });
    }
    Ok(RewardSet::new(rewards)?)
}

/// A part of a `[reward.NAME]` table as the host's type for it: both have the same keys.
pub(super) fn hosts<T: DeserializeOwned>(
    name: &str,
    key: &str,
    part: &impl Serialize,
) -> Result<T> {
    serde_json::to_value(part)
        .and_then(serde_json::from_value)
        .map_err(|e| Error::Config(format!("reward.{name}.{key}: {e}")))
}

/// Checks that every row is judged by a reward of non-zero weight: a row that none applies to is an
/// error at the start, and no zero in the middle of a run.
pub(super) fn check_dispatch<'a>(
    rewards: &RewardSet,
    rows: impl Iterator<Item = &'a Row>,
) -> Result<()> {
    // Where no reward asks for anything, one row is like another.
    let asks = rewards
        .rewards()
        .iter()
        .any(|reward| !reward.when.is_empty());
    for row in rows.take(if asks { usize::MAX } else { 1 }) {
        if let Some(has) = rewards.unjudged(&described(row)) {
            return Err(row.error(format!("no reward applies to this row ({has})")));
        }
    }
    Ok(())
}

/// Checks that every reward judges some of the rows that are trained on: one that judges none has a
/// mistake in its `when`.
pub(super) fn check_use<'a>(
    rewards: &RewardSet,
    rows: &(impl Iterator<Item = &'a Row> + Clone),
) -> Result<()> {
    for reward in rewards.rewards().iter().filter(|r| !r.when.is_empty()) {
        if !rows.clone().any(|row| reward.when.holds(&described(row))) {
            let columns: Vec<&str> = reward.when.columns().collect();
            return Err(Error::Config(format!(
                "reward.{}.when: it holds for no row of data.train_files; it asks for {}",
                reward.name,
                columns.join(", ")
            )));
        }
    }
    Ok(())
}

/// Checks that what a step does with its samples leaves every reward the ones that it judges together.
pub(super) fn check_scopes(config: &Config, rewards: &RewardSet, baselines: bool) -> Result<()> {
    let algorithm = &config.algorithm;
    for reward in rewards.rewards() {
        let (together, key) = match reward.scorer.plugin().info().scope {
            Scope::Batch if algorithm.online_filtering => {
                ("all samples of a step", "algorithm.online_filtering = true")
            }
            Scope::Group | Scope::Batch if baselines => (
                "the samples of a prompt",
                "an algorithm.adv_estimator whose greedy completions are judged by themselves",
            ),
            Scope::Group | Scope::Batch if algorithm.unify_strategy == UnifyStrategy::Switch => (
                "the samples of a prompt",
                "algorithm.unify_strategy = \"switch\", whose targets are judged by themselves,",
            ),
            _ => continue,
        };
        return Err(Error::Config(format!(
            "reward.{}: the plugin judges {together} together, so {key} can't go with it",
            reward.name
        )));
    }
    Ok(())
}

/// A host for all rewards of the configuration.
pub(super) fn reward_host(config: &Config, host: HostBuilder) -> Result<Host> {
    let limits = Limits {
        stack: deepest_stack(config),
        ..Limits::default()
    };
    Ok(host.limits(limits).build()?)
}

/// The stack is a property of the engine: the deepest that any reward asks for serves all.
fn deepest_stack(config: &Config) -> u64 {
    let default = Limits::default().stack;
    let stacks = config.reward.values();
    let stacks = stacks.map(|reward| reward.limits.stack.unwrap_or(default));
    stacks.max().unwrap_or(default)
}

/// What a `[reward.NAME]` table sets of a plugin's limits; the rest is what the plugin asks for, or the default. The stack is the
/// host's.
pub(super) fn reward_limits(table: &RewardConfig) -> LimitSettings {
    let set = &table.limits;
    LimitSettings {
        fuel: set.fuel,
        memory: set.memory,
        output: set.output,
        host_call_bytes: set.host_call_bytes,
        log: set.log,
        table_elements: set.table_elements,
        instances: set.instances,
    }
}

/// The components of the rewards, and of interpreters that they may use, as they were loaded.
///
/// # Errors
/// If a file has changed since.
pub(super) fn components(rewards: &RewardSet) -> Result<Vec<Vec<u8>>> {
    let scorers = rewards.rewards().iter().map(|reward| &reward.scorer);
    scorers
        .flat_map(Scorer::components)
        .map(|(path, digest)| component(path, digest))
        .collect()
}

/// A component as it was loaded.
///
/// # Errors
/// If the file has changed since.
pub(super) fn component(path: &Path, digest: Digest) -> Result<Vec<u8>> {
    let bytes = read_given(path, COMPONENT).map_err(|e| Error::io(path, e))?;
    if Digest::of(&bytes) == digest {
        Ok(bytes)
    } else {
        Err(Error::run(
            path,
            "the component changed while the run was set up; start it again",
        ))
    }
}

/// Text of a completion as rewards and people read it: without the stop token.
pub(super) fn response_text(tokenizer: &Tokenizer, completion: &Completion) -> Result<String> {
    let tokens = match (completion.finish, completion.token_ids.split_last()) {
        (FinishReason::Stop, Some((_, tokens))) => tokens,
        _ => &completion.token_ids,
    };
    // Added tokens such as <answer> belong to the text, also where a tokenizer calls them special.
    tokenizer.decode(tokens, false)
}

/// A row of the data as rewards see it: pictures as they are in the data, before augmentation.
pub(super) fn sample(group: u32, row: &Row) -> Result<Sample> {
    let images = row
        .load_images()?
        .into_iter()
        .map(|image| Image::from_rgb(image.width(), image.height(), image.into_raw()))
        .collect::<rlhost_host::Result<_>>()?;
    Ok(Sample {
        group,
        prompt: messages(row),
        images,
        ..described(row)
    })
}

/// What a row says beside its prompt and pictures.
pub(super) fn described(row: &Row) -> Sample {
    Sample {
        group: 0,
        prompt: Vec::new(),
        response: Vec::new(),
        answer: row.answer().to_owned(),
        data_source: row.data_source().unwrap_or_default().to_owned(),
        problem_type: row.problem_type().unwrap_or_default().to_owned(),
        answer_type: row.answer_type().unwrap_or_default().to_owned(),
        columns: row.extra().to_owned(),
        images: Vec::new(),
    }
}

/// A row's prompt as rewards see it.
pub(super) fn messages(row: &Row) -> Vec<Message> {
    let mut next_image = 0;
    row.messages()
        .iter()
        .map(|message| {
            let content = match &message.content {
                Content::Text(text) => vec![ContentPart::Text(text.clone())],
                Content::None => Vec::new(),
                Content::Parts(parts) => parts
                    .iter()
                    .map(|part| match part {
                        Part::Text(text) => ContentPart::Text(text.clone()),
                        Part::Image => {
                            next_image += 1;
                            ContentPart::Image(next_image - 1)
                        }
                    })
                    .collect(),
            };
            Message {
                role: message.role.clone(),
                content,
            }
        })
        .collect()
}
