{
  title: 'Warehouse',

  connection: {
    fields: [
      { name: 'base_uri', label: 'Base URL', optional: false, hint: 'For example https://warehouse.example' },
      { name: 'api_key', label: 'API key', control_type: 'password', optional: false }
    ],
    authorization: {
      type: 'custom_auth',
      apply: ->(connection) { headers('X-Api-Key': connection['api_key']) }
    },
    base_uri: ->(connection) { connection['base_uri'] }
  },

  test: ->(_connection) { get('/ping') },

  actions: {
    get_stock: {
      title: 'Get stock',
      input_fields: ->(_) { [{ name: 'sku', optional: false }] },
      execute: ->(_connection, input) { get("/stock/#{input['sku']}") },
      output_fields: ->(_) { [{ name: 'sku' }, { name: 'on_hand', type: 'integer' }, { name: 'bin' }] }
    },

    get_order: {
      title: 'Get order',
      input_fields: ->(_) { [{ name: 'order_number', optional: false }] },
      execute: ->(_connection, input) { get("/orders/#{input['order_number']}") },
      output_fields: ->(_) { [{ name: 'status' }, { name: 'carrier_code' }] }
    },

    list_open_orders: {
      title: 'List open orders',
      input_fields: ->(_) { [{ name: 'limit', type: 'integer' }, { name: 'older_than_hours', type: 'integer' }] },
      execute: ->(_connection, input) { { orders: get('/orders', input.merge(state: 'open')) } },
      output_fields: lambda do |_|
        [{ name: 'orders', type: 'array', of: 'object',
           properties: [{ name: 'order_number' }, { name: 'carrier_code' }, { name: 'hours_open', type: 'integer' }] }]
      end
    },

    create_shipment: {
      title: 'Create shipment',
      input_fields: lambda do |_|
        [{ name: 'order_number', optional: false }, { name: 'sku' }, { name: 'quantity', type: 'integer' },
         { name: 'carrier' }]
      end,
      execute: ->(_connection, input) { post('/shipments', input) },
      output_fields: ->(_) { [{ name: 'shipment_id' }, { name: 'label_url' }] }
    }
  }
}
