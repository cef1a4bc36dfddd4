@vertex
fn vs_background(@builtin(vertex_index) index: u32) -> @builtin(position) vec4<f32> {
    return covering(index);
}

@fragment
fn fs_background(@builtin(position) position: vec4<f32>) -> @location(0) vec4<f32> {
    let from_middle = (position.xy * frame.size.zw - vec2<f32>(0.5, 0.46)) * vec2<f32>(1.25, 1.25);
    let t = smoothstep(0.05, 1.0, length(from_middle));
    // Half a step of noise hides the bands of a slow ramp.
    let noise = (gradient_noise(position.xy) - 0.5) / 255.0;
    return vec4<f32>(mix(frame.centre.rgb, frame.corner.rgb, t) + noise, 1.0);
}
