//! What operators cost.
//!
//! A unit of fuel must buy about the same time whatever it is spent on, or fuel bounds nothing. Most operators
//! cost 1, or nothing where they are no code. Those here take longer, or may: each is priced so that a unit buys at
//! most some 2 ns, the time of three turns of an empty loop. `cargo xtask bench --only operators` measures them
//! all; `docs/benchmarks/operators.md` has what it found.
//!
//! Whoever changes a cost changes the fuel of plugins, and with that outcomes: [`VERSION`] goes up with it.

use wasmtime::{OperatorCost, VariableOperatorCost};

/// Counts the changes of the costs. Receipts name it.
pub(crate) const VERSION: u32 = 1;

/// The costs.
pub(crate) const fn operators() -> OperatorCost {
    OperatorCost {
        // Its head looks at fuel and epoch, whether or not there is a way back to it.
        Loop: 1,
        // Calls save and look at fuel, epoch and stack, and indirect ones look at the table and the type.
        Call: 2,
        CallIndirect: 10,
        CallRef: 2,
        ReturnCallIndirect: 10,
        // Calls of the engine.
        RefFunc: 50,
        ElemDrop: 12,
        DataDrop: 2,
        MemoryGrow: u8::MAX,
        TableGrow: u8::MAX,
        MemoryCopy: 5,
        MemoryFill: 5,
        MemoryInit: 5,
        TableCopy: 5,
        TableFill: 5,
        TableInit: 12,
        // What has no instruction of its own, or one of tens of cycles; divisions take up to a hundred on older processors.
        F32Sqrt: 4,
        F64Sqrt: 5,
        F32x4Sqrt: 4,
        F64x2Sqrt: 5,
        F32x4Min: 2,
        F32x4Max: 2,
        F64x2Min: 2,
        F64x2Max: 2,
        F32Div: 3,
        F64Div: 3,
        F32x4Div: 3,
        F64x2Div: 3,
        F32Ceil: 2,
        F32Floor: 2,
        F32Trunc: 2,
        F32Nearest: 2,
        F64Ceil: 2,
        F64Floor: 2,
        F64Trunc: 2,
        F64Nearest: 2,
        F32x4Ceil: 2,
        F32x4Floor: 2,
        F32x4Trunc: 2,
        F32x4Nearest: 2,
        F64x2Ceil: 2,
        F64x2Floor: 2,
        F64x2Trunc: 2,
        F64x2Nearest: 2,
        F32DemoteF64: 2,
        F64PromoteF32: 2,
        F32x4DemoteF64x2Zero: 2,
        F64x2PromoteLowF32x4: 2,
        I32TruncF32S: 2,
        I32TruncF32U: 2,
        I32TruncF64S: 2,
        I32TruncF64U: 2,
        I64TruncF32S: 2,
        I64TruncF32U: 2,
        I64TruncF64S: 2,
        I64TruncF64U: 2,
        I32TruncSatF32S: 2,
        I32TruncSatF32U: 2,
        I32TruncSatF64S: 2,
        I32TruncSatF64U: 2,
        I64TruncSatF32S: 2,
        I64TruncSatF32U: 2,
        I64TruncSatF64S: 2,
        I64TruncSatF64U: 2,
        I32x4TruncSatF32x4S: 3,
        I32x4TruncSatF32x4U: 4,
        I32x4TruncSatF64x2SZero: 3,
        I32x4TruncSatF64x2UZero: 3,
        F32x4ConvertI32x4U: 4,
        I32DivS: 2,
        I32DivU: 2,
        I32RemS: 2,
        I32RemU: 2,
        I64DivS: 4,
        I64DivU: 4,
        I64RemS: 4,
        I64RemU: 4,
        variable: VariableOperatorCost {
            memory_grow_per_page: u8::MAX,
            table_copy_per_element: 2,
            // Each element is a function whose reference the engine has to make.
            table_init_per_element: 4,
            ..VariableOperatorCost::new()
        },
        ..OperatorCost::new()
    }
}
