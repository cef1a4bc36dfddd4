// Exclusive prefix sums in place: blocks of 1024 numbers are summed up on their own, then the sums of the blocks before
// are added. Bound by src/view/prefix_sum.rs.

struct Params {
    count: u32,
}

const THREADS: u32 = 256u;
const EACH: u32 = 4u;

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> numbers: array<u32>;
@group(0) @binding(2) var<storage, read_write> block_sums: array<u32>;

var<workgroup> partial: array<u32, THREADS>;

@compute @workgroup_size(THREADS)
fn sum_blocks(
    @builtin(local_invocation_index) thread: u32,
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
) {
    let block = group.x + group.y * groups.x;
    let first = (block * THREADS + thread) * EACH;
    var own: array<u32, EACH>;
    var sum = 0u;
    for (var k = 0u; k < EACH; k++) {
        own[k] = sum;
        if (first + k < params.count) {
            sum += numbers[first + k];
        }
    }
    partial[thread] = sum;
    workgroupBarrier();
    for (var reach = 1u; reach < THREADS; reach *= 2u) {
        var before = 0u;
        if (thread >= reach) {
            before = partial[thread - reach];
        }
        workgroupBarrier();
        partial[thread] += before;
        workgroupBarrier();
    }
    let before = partial[thread] - sum;
    for (var k = 0u; k < EACH; k++) {
        if (first + k < params.count) {
            numbers[first + k] = before + own[k];
        }
    }
    if (thread == THREADS - 1u && block * THREADS * EACH < params.count) {
        block_sums[block] = partial[thread];
    }
}

@compute @workgroup_size(THREADS)
fn add_blocks(
    @builtin(local_invocation_index) thread: u32,
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
) {
    let block = group.x + group.y * groups.x;
    let first = (block * THREADS + thread) * EACH;
    for (var k = 0u; k < EACH; k++) {
        if (first + k < params.count) {
            numbers[first + k] += block_sums[block];
        }
    }
}
