// Draws the page that a browser shows as SVG: what it laid out, as boxes, lines, drawings and words.
async () => {
  const SIDES = ['Top', 'Right', 'Bottom', 'Left']
  const UNSEEN = ['SCRIPT', 'STYLE', 'NOSCRIPT', 'TEMPLATE', 'defs', 'title', 'style']
  const SHAPE = 'd x y x1 x2 y1 y2 cx cy r rx ry dx dy width height points transform viewBox'.split(' ')
  const USUAL = {
    'fill-opacity': '1', 'stroke-opacity': '1', opacity: '1', stroke: 'none', 'stroke-dasharray': 'none',
    'text-anchor': 'start', 'dominant-baseline': 'auto', fill: null, 'stroke-width': null, 'font-size': null,
  }
  const ICONS = /[\ue000-\uf8ff]/g // letters of a font that shows pictures
  const parts = []
  const loaded = {}
  let clips = 0

  const escaped = (text) => String(text).replace(/[&<>"]/g, (each) => `&#${each.charCodeAt(0)};`)
  const short = (value) => (typeof value === 'number' ? Math.round(value * 10) / 10 : value)
  const seen = (color) => color && color !== 'transparent' && !/^rgba.*, 0\)$/.test(color)
  const within = ({ left, top, right, bottom, width, height }) =>
    width > 0 && height > 0 && right > 0 && bottom > 0 && left < innerWidth && top < innerHeight
  const place = ({ left: x, top: y, width, height }) => ({ x, y, width, height })
  const tag = (name, attributes, inside = '') => {
    const kept = Object.entries(attributes).filter(([, value]) => value !== undefined && value !== null)
    const written = kept.map(([key, value]) => ` ${key}="${escaped(short(value))}"`).join('')
    return inside ? `<${name}${written}>${inside}</${name}>` : `<${name}${written}/>`
  }

  const fetched = async (address) => {
    const text = await (await fetch(address)).text()
    const clean = text.replace(/<\?xml.*?\?>|<!--[^]*?-->/g, '').trim()
    return text.includes('<svg') ? `data:image/svg+xml,${encodeURIComponent(clean)}` : null
  }
  const load = async (address) => {
    if (address.startsWith('data:image/svg+xml')) return address
    if (!(address in loaded)) loaded[address] = await fetched(address)
    return loaded[address]
  }
  const image = async (address, rect) => {
    const href = await load(address)
    if (href) parts.push(tag('image', { ...place(rect), href }))
  }

  const edge = (style, side) => {
    const [width, kind, color] = ['Width', 'Style', 'Color'].map((what) => style[`border${side}${what}`])
    const there = parseFloat(width) > 0 && kind !== 'none' && seen(color)
    return there ? { stroke: color, 'stroke-width': parseFloat(width) } : null
  }
  const box = (rect, style) => {
    const edges = SIDES.map((side) => edge(style, side))
    const even = new Set(edges.map((each) => JSON.stringify(each))).size === 1
    const radius = Math.min(parseFloat(style.borderTopLeftRadius) || 0, rect.height / 2)
    const fill = seen(style.backgroundColor) ? style.backgroundColor : 'none'
    const frame = even ? edges[0] : null
    const through = style.opacity === '1' ? null : style.opacity
    if (fill !== 'none' || frame) parts.push(tag('rect', { ...place(rect), rx: radius || null, fill, 'fill-opacity': through, ...frame }))
    if (even) return
    const { left, top, right, bottom } = rect
    const ends = [[left, top, right, top], [right, top, right, bottom], [left, bottom, right, bottom], [left, top, left, bottom]]
    edges.forEach((each, at) => {
      const [x1, y1, x2, y2] = ends[at]
      if (each) parts.push(tag('line', { x1, y1, x2, y2, ...each }))
    })
  }

  const words = (text, rect, style, measured) => {
    const size = parseFloat(style.fontSize)
    const attributes = {
      x: rect.left,
      y: rect.top + rect.height / 2 + size * 0.35,
      'font-size': size,
      'font-family': /mono|courier/i.test(style.fontFamily) ? 'monospace' : 'sans-serif',
      'font-weight': Number(style.fontWeight) > 500 ? 'bold' : null,
      fill: style.color,
    }
    const fitted = measured ? { textLength: rect.width, lengthAdjust: 'spacingAndGlyphs' } : {}
    parts.push(tag('text', { ...attributes, ...fitted }, escaped(text)))
  }
  const lines = (node, style) => {
    const range = document.createRange()
    const found = []
    for (const word of node.data.matchAll(/\S+/g)) {
      if (!word[0].replace(ICONS, '')) continue
      range.setStart(node, word.index)
      range.setEnd(node, word.index + word[0].length)
      const rect = range.getBoundingClientRect()
      const line = found.at(-1)
      if (line && Math.abs(line.rect.top - rect.top) < 2) {
        line.text += ` ${word[0]}`
        line.rect = new DOMRect(line.rect.left, line.rect.top, rect.right - line.rect.left, rect.height)
      } else found.push({ text: word[0], rect })
    }
    for (const { text, rect } of found) if (within(rect)) words(text, rect, style, true)
  }

  const painted = (element, style) => {
    const kept = {}
    for (const [name, usual] of Object.entries(USUAL)) {
      const value = style.getPropertyValue(name)
      const idle = (name === 'stroke-width' && style.stroke === 'none') || (name === 'font-size' && element.tagName !== 'text')
      if (value !== usual && !idle) kept[name] = value
    }
    return element.tagName === 'text' ? { ...kept, 'font-family': 'sans-serif' } : kept
  }
  const drawing = async (element) => {
    const { tagName: name } = element
    const style = getComputedStyle(element)
    const rect = element.getBoundingClientRect()
    const holds = name === 'g' || name === 'svg'
    if (UNSEEN.includes(name) || style.display === 'none' || style.visibility === 'hidden' || style.opacity === '0') return ''
    if (!holds && !rect.width && !rect.height) return ''
    if (name !== 'svg' && (rect.left > innerWidth || rect.top > innerHeight || rect.right < 0 || rect.bottom < 0)) return ''
    const told = [...element.attributes].filter((each) => SHAPE.includes(each.name))
    const kept = Object.fromEntries(told.map((each) => [each.name, each.value.replace(/(\.\d)\d+/g, '$1')]))
    if (style.opacity !== '1') kept.opacity = style.opacity
    if (name === 'image') {
      const href = await load(element.href.baseVal)
      return href ? tag('image', { ...kept, href }) : ''
    }
    const says = name === 'text' && !element.children.length
    let inside = says ? escaped(element.textContent.replace(ICONS, '')) : ''
    for (const child of element.children) inside += await drawing(child)
    if (holds) return inside ? tag(name, kept, inside) : ''
    return tag(name, { ...kept, ...painted(element, style) }, inside)
  }

  const draw = async (element) => {
    const style = getComputedStyle(element)
    if (UNSEEN.includes(element.tagName) || style.display === 'none' || style.opacity === '0') return
    const rect = element.getBoundingClientRect()
    const shown = style.visibility !== 'hidden' && within(rect)
    const cuts = style.overflow !== 'visible' && element !== document.body
    if (cuts && !within(rect)) return
    if (shown && element.tagName === 'svg') {
      const inside = (await Promise.all([...element.children].map(drawing))).join('')
      parts.push(tag('svg', { ...place(rect), viewBox: element.getAttribute('viewBox') }, inside))
      return
    }
    const masked = style.maskImage && style.maskImage !== 'none'
    if (shown && !masked) box(rect, style)
    const behind = /^url\("(.*)"\)$/.exec(style.backgroundImage)
    if (shown && !masked && behind) await image(behind[1], rect)
    if (shown && element.tagName === 'IMG') await image(element.src, rect)
    const more = element.scrollHeight > element.clientHeight + 1 || element.scrollWidth > element.clientWidth + 1
    if (cuts && more) {
      clips += 1
      parts.push(tag('clipPath', { id: `c${clips}` }, tag('rect', place(rect))), `<g clip-path="url(#c${clips})">`)
    }
    const said = element.tagName === 'INPUT' && element.type !== 'password' && (element.value || element.placeholder)
    if (shown && said) words(said, new DOMRect(rect.left + 8, rect.top, rect.width, rect.height), style, false)
    for (const child of element.childNodes) {
      if (child.nodeType === Node.TEXT_NODE && style.visibility !== 'hidden') lines(child, style)
      if (child.nodeType === Node.ELEMENT_NODE) await draw(child)
    }
    if (cuts && more) parts.push('</g>')
  }

  await draw(document.body)
  const ground = getComputedStyle(document.documentElement).backgroundColor
  const size = { width: innerWidth, height: innerHeight }
  const paper = tag('rect', { ...size, fill: seen(ground) ? ground : 'white' })
  const attributes = { xmlns: 'http://www.w3.org/2000/svg', viewBox: `0 0 ${innerWidth} ${innerHeight}`, ...size }
  return `${tag('svg', attributes, `\n${[paper, ...parts].join('\n')}\n`)}\n`
}
