//! Grouped-query attention over packed segments, with rotary embedding inside.
//!
//! The probabilities are never stored: the backward pass computes them again (Dao et al.:
//! `FlashAttention`, 2022, section 3.1). A task is one tree of segments (see [`Segments`]) and one
//! key/value head, so that gradients of shared keys are summed in a fixed order.

use super::attention_kernel::{Block, Heads, backward_rows, forward_rows};
use super::rotary::{Rotary, rotate_head, unrotate_head};
use super::segments::Segments;
use super::values::{Values, fused, slice};
use candle_core::{CpuStorage, CustomOp3, D, Layout, Result, Shape, Tensor, bail};
use rayon::prelude::*;

/// Head counts: `heads` is a multiple of `kv_heads`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AttentionShape {
    /// Query heads.
    pub heads: usize,
    /// Key and value heads.
    pub kv_heads: usize,
    /// Width of a head.
    pub head_dim: usize,
}

impl AttentionShape {
    /// Query heads that share one key/value head.
    pub fn repeats(&self) -> usize {
        self.heads / self.kv_heads
    }

    pub(super) fn scale(&self) -> f64 {
        1.0 / (self.head_dim as f64).sqrt()
    }
}

/// Softmax attention with scale `1 / sqrt(head_dim)`.
///
/// `q` is `[rows, heads * head_dim]`, `k` and `v` are `[rows, kv_heads * head_dim]`, the result is
/// like `q`. With `rotary`, queries and keys are rotated first. Rows see what `segments` says.
pub fn attention(
    q: &Tensor,
    k: &Tensor,
    v: &Tensor,
    shape: AttentionShape,
    rotary: Option<&Rotary>,
    segments: &Segments,
) -> Result<Tensor> {
    let rows = segments.rows();
    if q.dims2()? != (rows, shape.heads * shape.head_dim)
        || k.dims2()? != (rows, shape.kv_heads * shape.head_dim)
        || v.dims2()? != k.dims2()?
        || rotary.is_some_and(|rotary| rotary.rows() != rows)
    {
        bail!(
            "attention: {rows} rows in segments and {shape:?}, but q is {:?}, k {:?}, v {:?}",
            q.shape(),
            k.shape(),
            v.shape()
        );
    }
    if !fused(q) {
        return compose(q, k, v, shape, rotary, segments);
    }
    let op = Attention {
        shape,
        rotary: rotary.cloned(),
        segments: segments.clone(),
    };
    q.contiguous()?
        .apply_op3(&k.contiguous()?, &v.contiguous()?, op)
}

struct Attention {
    shape: AttentionShape,
    rotary: Option<Rotary>,
    segments: Segments,
}

/// What one task works on: a tree of segments and one key/value head.
struct Task {
    tree: usize,
    kv_head: usize,
}

impl Attention {
    fn tasks(&self) -> Vec<Task> {
        (0..self.segments.trees().len())
            .flat_map(|tree| (0..self.shape.kv_heads).map(move |kv_head| Task { tree, kv_head }))
            .collect()
    }

    /// Rows of all segments of a tree, in order.
    fn tree_rows(&self, tree: usize) -> impl Iterator<Item = usize> + '_ {
        self.segments.trees()[tree]
            .iter()
            .flat_map(|&segment| self.segments.range(segment))
    }

    /// Copies columns `head * head_dim ..` of the tree's rows, `count` heads wide.
    fn gather(&self, x: &[f32], width: usize, task: &Task, head: usize, count: usize) -> Vec<f32> {
        let dim = self.shape.head_dim;
        let mut out = Vec::new();
        for row in self.tree_rows(task.tree) {
            let start = row * width + head * dim;
            out.extend_from_slice(&x[start..start + count * dim]);
        }
        out
    }

    fn rotate(&self, x: &mut [f32], task: &Task, heads: usize, inverse: bool) {
        let Some(rotary) = &self.rotary else { return };
        let dim = self.shape.head_dim;
        let rows = x.chunks_exact_mut(heads * dim);
        for (values, row) in rows.zip(self.tree_rows(task.tree)) {
            let (cos, sin) = rotary.row(row);
            for head in values.chunks_exact_mut(dim) {
                if inverse {
                    unrotate_head(head, cos, sin);
                } else {
                    rotate_head(head, cos, sin);
                }
            }
        }
    }

    /// Writes a task's columns back to where [`Self::gather`] took them from.
    fn scatter(&self, out: &mut [f32], width: usize, task: &Task, head: usize, values: &[f32]) {
        let dim = self.shape.head_dim;
        let rows = self.tree_rows(task.tree).count();
        let columns = values.len() / rows.max(1);
        for (row, values) in self
            .tree_rows(task.tree)
            .zip(values.chunks_exact(columns.max(1)))
        {
            let start = row * width + head * dim;
            out[start..start + columns].copy_from_slice(values);
        }
    }

    /// Queries (`repeats` heads wide), keys and values of a task, rotated.
    fn inputs(&self, q: &[f32], k: &[f32], v: &[f32], task: &Task) -> [Vec<f32>; 3] {
        let AttentionShape {
            heads,
            kv_heads,
            head_dim,
        } = self.shape;
        let repeats = self.shape.repeats();
        let first = task.kv_head * repeats;
        let mut queries = self.gather(q, heads * head_dim, task, first, repeats);
        let mut keys = self.gather(k, kv_heads * head_dim, task, task.kv_head, 1);
        let values = self.gather(v, kv_heads * head_dim, task, task.kv_head, 1);
        self.rotate(&mut queries, task, repeats, false);
        self.rotate(&mut keys, task, 1, false);
        [queries, keys, values]
    }

    /// Calls `f` for every segment of the tree with its local rows and the local rows it sees.
    fn for_each_segment(
        &self,
        tree: usize,
        mut f: impl FnMut(std::ops::Range<usize>, Vec<std::ops::Range<usize>>),
    ) {
        let members = &self.segments.trees()[tree];
        let mut local_starts = Vec::with_capacity(members.len());
        let mut at = 0;
        for &segment in members {
            local_starts.push(at);
            at += self.segments.range(segment).len();
        }
        let local = |range: &std::ops::Range<usize>| {
            let member = members
                .iter()
                .position(|&m| self.segments.range(m).start == range.start && !range.is_empty());
            let start = member.map_or(0, |m| local_starts[m]);
            start..start + range.len()
        };
        for (&segment, &start) in members.iter().zip(&local_starts) {
            let len = self.segments.range(segment).len();
            let mut visible: Vec<_> = self.segments.visible(segment).iter().map(local).collect();
            // The segment's own rows come last, whatever their length.
            visible.pop();
            visible.push(start..start + len);
            f(start..start + len, visible);
        }
    }

    fn heads(&self) -> Heads {
        Heads {
            repeats: self.shape.repeats(),
            dim: self.shape.head_dim,
            scale: self.shape.scale() as f32,
            causal: self.segments.is_causal(),
        }
    }

    fn forward_task(&self, q: &[f32], k: &[f32], v: &[f32], task: &Task) -> Vec<f32> {
        let heads = self.heads();
        let [queries, keys, values] = self.inputs(q, k, v, task);
        let width = heads.repeats * heads.dim;
        let mut out = vec![0.0; queries.len()];
        self.for_each_segment(task.tree, |rows, visible| {
            let block = Block::gather(&keys, &values, heads.dim, &visible);
            let range = rows.start * width..rows.end * width;
            forward_rows(heads, &block, &queries[range.clone()], &mut out[range]);
        });
        out
    }

    /// Gradients of the task's queries, keys and values.
    fn backward_task(
        &self,
        q: &[f32],
        k: &[f32],
        v: &[f32],
        grad: &[f32],
        task: &Task,
    ) -> [Vec<f32>; 3] {
        let heads = self.heads();
        let [queries, keys, values] = self.inputs(q, k, v, task);
        let width = heads.repeats * heads.dim;
        let columns = self.shape.heads * heads.dim;
        let grad = self.gather(
            grad,
            columns,
            task,
            task.kv_head * heads.repeats,
            heads.repeats,
        );
        let mut d_queries = vec![0.0; queries.len()];
        let mut d_keys = vec![0.0; keys.len()];
        let mut d_values = vec![0.0; values.len()];
        self.for_each_segment(task.tree, |rows, visible| {
            let mut block = Block::gather(&keys, &values, heads.dim, &visible).with_gradients();
            let range = rows.start * width..rows.end * width;
            backward_rows(
                heads,
                &mut block,
                &queries[range.clone()],
                &grad[range.clone()],
                &mut d_queries[range],
            );
            block.add_gradients(&visible, heads.dim, &mut d_keys, &mut d_values);
        });
        self.rotate(&mut d_queries, task, heads.repeats, true);
        self.rotate(&mut d_keys, task, 1, true);
        [d_queries, d_keys, d_values]
    }
}

impl CustomOp3 for Attention {
    fn name(&self) -> &'static str {
        "attention"
    }

    fn cpu_fwd(
        &self,
        q: &CpuStorage,
        q_layout: &Layout,
        k: &CpuStorage,
        k_layout: &Layout,
        v: &CpuStorage,
        v_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let (q, k, v) = (
            slice(q, q_layout)?,
            slice(k, k_layout)?,
            slice(v, v_layout)?,
        );
        let tasks = self.tasks();
        let results: Vec<Vec<f32>> = tasks
            .par_iter()
            .map(|task| self.forward_task(q, k, v, task))
            .collect();
        let mut out = vec![0.0; q.len()];
        let width = self.shape.heads * self.shape.head_dim;
        for (task, values) in tasks.iter().zip(&results) {
            let head = task.kv_head * self.shape.repeats();
            self.scatter(&mut out, width, task, head, values);
        }
        Ok((CpuStorage::F32(out), q_layout.shape().clone()))
    }

    fn bwd(
        &self,
        q: &Tensor,
        k: &Tensor,
        v: &Tensor,
        _out: &Tensor,
        grad: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let grad = grad.contiguous()?;
        let (qs, ks, vs) = (Values::new(q)?, Values::new(k)?, Values::new(v)?);
        let gs = Values::new(&grad)?;
        let tasks = self.tasks();
        let results: Vec<[Vec<f32>; 3]> = tasks
            .par_iter()
            .map(|task| self.backward_task(&qs, &ks, &vs, &gs, task))
            .collect();
        let (mut dq, mut dk) = (vec![0.0; qs.len()], vec![0.0; ks.len()]);
        let mut dv = vec![0.0; vs.len()];
        let q_width = self.shape.heads * self.shape.head_dim;
        let kv_width = self.shape.kv_heads * self.shape.head_dim;
        for (task, [d_queries, d_keys, d_values]) in tasks.iter().zip(&results) {
            let head = task.kv_head * self.shape.repeats();
            self.scatter(&mut dq, q_width, task, head, d_queries);
            self.scatter(&mut dk, kv_width, task, task.kv_head, d_keys);
            self.scatter(&mut dv, kv_width, task, task.kv_head, d_values);
        }
        let tensor = |values, like: &Tensor| Tensor::from_vec(values, like.shape(), like.device());
        Ok((
            Some(tensor(dq, q)?),
            Some(tensor(dk, k)?),
            Some(tensor(dv, v)?),
        ))
    }
}

/// The same by candle's operations: segments are gathered into a padded batch with a mask.
fn compose(
    q: &Tensor,
    k: &Tensor,
    v: &Tensor,
    shape: AttentionShape,
    rotary: Option<&Rotary>,
    segments: &Segments,
) -> Result<Tensor> {
    let AttentionShape {
        heads,
        kv_heads,
        head_dim,
    } = shape;
    let rows = segments.rows();
    let batch = segments.len();
    let visible: Vec<Vec<u32>> = (0..batch)
        .map(|s| {
            segments
                .visible(s)
                .into_iter()
                .flatten()
                .map(|row| row as u32)
                .collect()
        })
        .collect();
    let query_len = (0..batch)
        .map(|s| segments.range(s).len())
        .max()
        .unwrap_or(0);
    let key_len = visible.iter().map(Vec::len).max().unwrap_or(0);
    if query_len == 0 {
        return Ok(q.clone());
    }
    let mut query_index = vec![0_u32; batch * query_len];
    let mut key_index = vec![0_u32; batch * key_len];
    let mut mask = vec![f32::NEG_INFINITY; batch * query_len * key_len];
    let mut back = Vec::with_capacity(rows);
    for (s, seen) in visible.iter().enumerate() {
        let range = segments.range(s);
        let before = seen.len() - range.len();
        key_index[s * key_len..s * key_len + seen.len()].copy_from_slice(seen);
        for (i, row) in range.clone().enumerate() {
            query_index[s * query_len + i] = row as u32;
            back.push((s * query_len + i) as u32);
        }
        for i in 0..query_len {
            let open = match (i < range.len(), segments.is_causal()) {
                (true, true) => before + i + 1,
                (true, false) => seen.len(),
                // Padding: one key, so that its softmax is a number.
                (false, _) => 1,
            };
            let start = (s * query_len + i) * key_len;
            mask[start..start + open].fill(0.0);
        }
    }
    let device = q.device();
    let index = |values: Vec<u32>| {
        let len = values.len();
        Tensor::from_vec(values, len, device)
    };
    let mask =
        Tensor::from_vec(mask, (batch, 1, query_len, key_len), device)?.to_dtype(q.dtype())?;
    let q = q.reshape((rows, heads, head_dim))?;
    let k = k.reshape((rows, kv_heads, head_dim))?;
    let v = v.reshape((rows, kv_heads, head_dim))?;
    let (q, k) = match rotary {
        Some(rotary) => (rotary.compose(&q)?, rotary.compose(&k)?),
        None => (q, k),
    };
    let key_index = index(key_index)?;
    let by_head = |x: &Tensor| {
        x.index_select(&key_index, 0)?
            .reshape((batch, key_len, kv_heads, 1, head_dim))?
            .broadcast_as((batch, key_len, kv_heads, shape.repeats(), head_dim))?
            .reshape((batch, key_len, heads, head_dim))?
            .transpose(1, 2)?
            .contiguous()
    };
    let (k, v) = (by_head(&k)?, by_head(&v)?);
    let q = q
        .contiguous()?
        .index_select(&index(query_index)?, 0)?
        .reshape((batch, query_len, heads, head_dim))?
        .transpose(1, 2)?
        .contiguous()?;
    let scores = (q.matmul(&k.transpose(2, 3)?.contiguous()?)? * shape.scale())?;
    let probabilities = softmax(&scores.broadcast_add(&mask)?)?;
    probabilities
        .matmul(&v)?
        .transpose(1, 2)?
        .reshape((batch * query_len, heads * head_dim))?
        .index_select(&index(back)?, 0)
}

/// Softmax over the last dimension by differentiable operations.
pub(super) fn softmax(x: &Tensor) -> Result<Tensor> {
    let max = x.max_keepdim(D::Minus1)?.detach();
    let exp = x.broadcast_sub(&max)?.exp()?;
    exp.broadcast_div(&exp.sum_keepdim(D::Minus1)?)
}
