// The bytes of the shipped traces, as symbols for shipped_traces.cc. The assembler finds the files by its include path.
    .section .rodata
    .balign 16
    .globl penstock_conversation_trace_begin, penstock_conversation_trace_end
penstock_conversation_trace_begin:
    .incbin "AzureLLMInferenceTrace_conv.csv"
penstock_conversation_trace_end:
    .byte 0

    .balign 16
    .globl penstock_code_trace_begin, penstock_code_trace_end
penstock_code_trace_begin:
    .incbin "AzureLLMInferenceTrace_code.csv"
penstock_code_trace_end:
    .byte 0

    .balign 16
    .globl penstock_long_conversation_trace_begin, penstock_long_conversation_trace_end
penstock_long_conversation_trace_begin:
    .incbin "mooncake_conversation_25min.jsonl"
penstock_long_conversation_trace_end:
    .byte 0

    .balign 16
    .globl penstock_servegen_rates_begin, penstock_servegen_rates_end
penstock_servegen_rates_begin:
    .incbin "servegen_rates.csv.zst"
penstock_servegen_rates_end:
    .byte 0

    .balign 16
    .globl penstock_servegen_lengths_begin, penstock_servegen_lengths_end
penstock_servegen_lengths_begin:
    .incbin "servegen_lengths.csv.zst"
penstock_servegen_lengths_end:
    .byte 0

    .section .note.GNU-stack,"",%progbits
