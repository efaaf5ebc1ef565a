// Runs in the page's own world before its scripts: reports which permissions the page asks for.
// It answers nothing itself and hides nothing: each call goes on to the browser, which refuses it.
(() => {
  const report = globalThis.__sijillReport;
  if (typeof report !== "function") return;
  delete globalThis.__sijillReport;
  const stringify = JSON.stringify;
  const apply = Reflect.apply;
  let left = 200;
  const watch = (owner, name, label) => {
    const descriptor = owner && Object.getOwnPropertyDescriptor(owner, name);
    if (!descriptor || !descriptor.configurable || typeof descriptor.value !== "function") return;
    descriptor.value = new Proxy(descriptor.value, {
      apply(target, self, values) {
        if (left > 0) {
          left -= 1;
          report(stringify(label));
        }
        return apply(target, self, values);
      },
    });
    Object.defineProperty(owner, name, descriptor);
  };
  const prototype = (name) => globalThis[name] && globalThis[name].prototype;
  watch(prototype("Geolocation"), "getCurrentPosition", "geolocation");
  watch(prototype("Geolocation"), "watchPosition", "geolocation");
  watch(globalThis.Notification, "requestPermission", "notifications");
  watch(prototype("PushManager"), "subscribe", "push");
  watch(prototype("MediaDevices"), "getUserMedia", "camera or microphone");
  watch(prototype("MediaDevices"), "getDisplayMedia", "screen");
  watch(prototype("Navigator"), "getUserMedia", "camera or microphone");
  watch(prototype("Navigator"), "webkitGetUserMedia", "camera or microphone");
  watch(prototype("Navigator"), "requestMIDIAccess", "midi");
  watch(prototype("Clipboard"), "read", "clipboard");
  watch(prototype("Clipboard"), "readText", "clipboard");
  watch(prototype("StorageManager"), "persist", "persistent storage");
  watch(prototype("Document"), "requestStorageAccess", "storage access");
  watch(prototype("Bluetooth"), "requestDevice", "bluetooth");
  watch(prototype("USB"), "requestDevice", "usb");
  watch(prototype("Serial"), "requestPort", "serial");
  watch(prototype("HID"), "requestDevice", "hid");
  watch(globalThis.IdleDetector, "requestPermission", "idle detection");
  watch(prototype("WakeLock"), "request", "wake lock");
  watch(globalThis, "queryLocalFonts", "local fonts");
})();
